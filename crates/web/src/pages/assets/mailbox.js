// The mailbox keeps itself fresh, and codes are copied with one click.
"use strict";

const ready = (root) => {
  root.querySelectorAll("[data-copy]").forEach((code) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy other";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${code.textContent}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
      }
    });
    code.after(button);
  });
};
ready(document);

const list = document.querySelector("[data-refresh]");
if (list) {
  const read = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    const ids = (root) => [...root.querySelectorAll("li[id]")].map((item) => item.id).join();
    // What one is about to click stays where it is unless something came.
    if (fresh && ids(fresh) !== ids(list)) {
      list.replaceChildren(...fresh.childNodes);
      ready(list);
      tellTimes(list);
    }
  };
  setInterval(() => { if (!document.hidden) read().catch(() => {}); }, 2000);
}
