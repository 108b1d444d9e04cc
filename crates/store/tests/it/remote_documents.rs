use crate::database::{Database, each};
use time::macros::datetime;
use zelos_store::remote_documents::{self, StoredCopy};

#[tokio::test]
async fn copy_of_a_document_is_replaced_and_found_by_its_whole_url() {
    each(|Database { store, .. }| async move {
        let url = |text: &str| text.parse().unwrap();
        let (one, other) = (url("https://u:p@a.example/s.json?key=1"), url("https://u:p@a.example/s.json?key=2"));
        let (first, second) = (datetime!(2030-01-01 0:00 UTC), datetime!(2030-01-02 0:00 UTC));
        assert_eq!(remote_documents::find(&store, &one).await.unwrap(), None);
        remote_documents::save(&store, &one, b"{}", first).await.unwrap();
        assert_eq!(remote_documents::find(&store, &other).await.unwrap(), None);
        let large = "\u{0}\u{fc}".repeat(300_000).into_bytes();
        remote_documents::save(&store, &one, &large, second).await.unwrap();
        let found = remote_documents::find(&store, &one).await.unwrap();
        assert_eq!(found, Some(StoredCopy { content: large, fetched_at: second }));
        let shown = "SELECT url FROM remote_documents";
        let urls = store.all(shown, &[], |row| row.get::<String>(0)).await.unwrap();
        assert_eq!(urls, ["https://a.example/s.json"]);
        let saves = (0..4_u8).map(|byte| {
            let (store, one) = (store.clone(), one.clone());
            async move { remote_documents::save(&store, &one, &[byte], second).await }
        });
        for saved in futures_util::future::join_all(saves).await {
            saved.unwrap();
        }
    })
    .await;
}
