//! From one server to the other, for people who came to the wrong one. The query is kept, and so are method and body.

use crate::{caller::Caller, respond};
use axum::response::Response;
use http::{StatusCode, Uri};
use url::Url;

/// To the admin server, where everything stands below `/admin`.
pub(crate) async fn to_admin(caller: Caller, uri: Uri) -> Response {
    moved(&caller.snapshot.admin, "/admin", &uri)
}

/// To the public server.
pub(crate) async fn to_public(caller: Caller, uri: Uri) -> Response {
    moved(&caller.snapshot.public, "", &uri)
}

fn moved(base: &Url, prefix: &str, uri: &Uri) -> Response {
    respond::redirect(StatusCode::TEMPORARY_REDIRECT, &address(base, prefix, uri))
}

fn address(base: &Url, prefix: &str, uri: &Uri) -> String {
    let path = uri.path().strip_prefix("/admin").unwrap_or_else(|| uri.path());
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{prefix}{path}{query}", base.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_go_along() {
        let admin = |base: &str, uri: &str| address(&base.parse().unwrap(), "/admin", &uri.parse().unwrap());
        assert_eq!(admin("http://a:4434/", "/identities?a=b"), "http://a:4434/admin/identities?a=b");
        assert_eq!(admin("http://a/x/", "/admin/identities/1"), "http://a/x/admin/identities/1");
        let public = address(&"https://p/auth/".parse().unwrap(), "", &"/admin/schemas/a%2Fb".parse().unwrap());
        assert_eq!(public, "https://p/auth/schemas/a%2Fb");
    }
}
