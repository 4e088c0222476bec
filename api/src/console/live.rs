//! The stream of a browser's pages: that of the API, with the session of the cookies.

use super::pages::Pages;
use crate::access::Access::LoggedIn;
use crate::routes::notifications::notifications;

/// One for all tabs of a browser: `console.js` shares it.
pub(super) fn pages() -> Pages {
    Pages::default().get(LoggedIn, "/console/stream", notifications)
}
