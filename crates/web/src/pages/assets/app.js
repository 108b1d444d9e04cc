// Small comforts on top of pages that work without them.
"use strict";

// A form is sent once. Buttons are not disabled: a disabled button would not be part of what is sent.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  form.setAttribute("aria-busy", "true");
});

// A page that comes back from the browser's history is not busy any more.
addEventListener("pageshow", () => {
  document.querySelectorAll("form[aria-busy]").forEach((form) => form.removeAttribute("aria-busy"));
});

// A password can be looked at before it is sent.
document.querySelectorAll("input[type=password][data-show]").forEach((input) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.textContent = input.dataset.show;
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-controls", input.id);
  const label = document.querySelector(`label[for="${input.id}"]`);
  const name = (text) => button.setAttribute("aria-label", `${text} ${label ? label.textContent.trim() : ""}`.trim());
  name(input.dataset.show);
  button.addEventListener("click", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.textContent = shown ? input.dataset.show : input.dataset.hide;
    button.setAttribute("aria-pressed", String(!shown));
    name(button.textContent);
    input.focus();
  });
  const box = document.createElement("div");
  box.className = "secret";
  const hadFocus = document.activeElement === input;
  input.replaceWith(box);
  box.append(input, button);
  if (hadFocus) input.focus();
  // What is sent is a password field again, so that browsers offer to keep it.
  input.form.addEventListener("submit", () => { input.type = "password"; });
});

// Backup codes are printed or copied; the print style leaves nothing but them on the paper.
document.querySelectorAll(".codes[data-print]").forEach((list) => {
  const box = document.createElement("p");
  box.className = "pair";
  const add = (text, run) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "other";
    button.textContent = text;
    button.addEventListener("click", () => run(button));
    box.append(button);
  };
  add(list.dataset.print, () => print());
  if (navigator.clipboard) {
    add(list.dataset.copy, async (button) => {
      await navigator.clipboard.writeText([...list.children].map((item) => item.textContent).join("\n"));
      button.textContent = list.dataset.copied;
    });
  }
  list.after(box);
});

// Times are told in the reader's own zone.
function tellTimes(root) {
  root.querySelectorAll("time[datetime]").forEach((time) => {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.title = time.textContent;
      time.textContent = at.toLocaleString(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
    }
  });
}
tellTimes(document);
