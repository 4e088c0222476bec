//! The roles of a production set-up: plain owners, several installations on one server, and that every role can do what it
//! must and nothing else. `make test` runs these on two versions of PostgreSQL: roles are where they differ.

mod checks;
mod installation;
mod plain_owner;
mod planted;
mod privileges;
mod several_installations;
