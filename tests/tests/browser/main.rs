//! The console in a real browser: typed, clicked, read. `make test` runs `smoke`, `make test-all` the rest (docs/console.md).

mod accessible;
mod axe;
mod company;
mod counting;
mod driver;
mod keyboard;
mod live;
mod looks;
mod operators;
mod page;
mod refusals;
mod sale;
mod screenshots;
mod smoke;
mod watch;
mod weight;
