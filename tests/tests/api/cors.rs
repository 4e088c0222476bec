//! Pages of other origins: none may read an answer unless its origin is named.

use anyhow::Result;
use comptoir_tests::harness::{Answer, Api, World};
use reqwest::Method;

const SHOP: &str = "https://shop.example";
const STRANGER: &str = "https://evil.example";

async fn preflight(api: &Api, origin: &str) -> Result<Answer> {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "PATCH"),
        (
            "Access-Control-Request-Headers",
            "authorization,content-type,if-match,idempotency-key,last-event-id,comptoir-client-id",
        ),
    ];
    api.http.anonymous().send(Method::OPTIONS, "/customers/1", &headers, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_named_origin_may_call_and_read_and_a_stranger_may_not() {
    World::run(async |world| {
        let api = Api::start(
            world,
            &[("COMPTOIR__API__ALLOWED_ORIGINS", "https://shop.example, http://localhost:3000")],
        )
        .await?;
        let allowed = preflight(&api, SHOP).await?;
        assert_eq!(
            (allowed.status, allowed.header("access-control-allow-origin")),
            (200, Some(SHOP)),
            "{}",
            allowed.text
        );
        assert!(
            allowed.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH"))
        );
        let refused = preflight(&api, STRANGER).await?;
        assert_eq!(refused.header("access-control-allow-origin"), None);

        let orders = async |origin| api.http.send(Method::GET, "/orders", &[("Origin", origin)], None).await;
        let read = orders(SHOP).await?;
        assert_eq!((read.status, read.header("access-control-allow-origin")), (200, Some(SHOP)));
        assert!(
            read.header("access-control-expose-headers")
                .is_some_and(|names| names.to_lowercase().contains("etag"))
        );
        assert!(read.header("vary").is_some_and(|names| names.to_lowercase().contains("origin")));
        let strange = orders(STRANGER).await?;
        assert_eq!((strange.status, strange.header("access-control-allow-origin")), (200, None));

        // Why a request was refused can be read as well.
        let anonymous = api.http.anonymous().send(Method::GET, "/orders", &[("Origin", SHOP)], None).await?;
        assert_eq!((anonymous.status, anonymous.header("access-control-allow-origin")), (401, Some(SHOP)));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_setting_no_page_may() {
    World::run(async |world| {
        let api = world.api().await?;
        let refused = preflight(&api, SHOP).await?;
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None));
        let read = api.http.send(Method::GET, "/orders", &[("Origin", SHOP)], None).await?;
        assert_eq!((read.status, read.header("access-control-allow-origin")), (200, None));
        Ok(())
    })
    .await;
}
