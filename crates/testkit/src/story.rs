//! Telling one story on every database that is at hand.

use crate::{
    app::{App, Setup},
    database::Database,
    persona::{Mode, Persona},
};

/// Runs `story` with a fresh Zelos on SQLite, and on each server that `TEST_DATABASES` names.
pub async fn scenario(setup: Setup, story: impl AsyncFn(&App)) {
    let mut databases = vec![Database::sqlite().expect("a file for SQLite")];
    for server in Database::servers() {
        databases.push(Database::on(&server).await.expect("a database on the server"));
    }
    for database in databases {
        let app = App::start(&database, &setup).await.expect("a Zelos on that database");
        story(&app).await;
        drop(app);
        database.remove().await.expect("the database to go away again");
    }
}

/// Runs `story` for each kind of client, on every database.
pub async fn scenario_for_each(setup: Setup, story: impl AsyncFn(&App, Persona)) {
    scenario(setup, async |app| {
        for mode in Mode::ALL {
            story(app, app.visitor(mode)).await;
        }
    })
    .await;
}
