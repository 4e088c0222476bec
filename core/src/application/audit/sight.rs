//! Checks that this database user sees every row of tables that are verified. If row-level security hid the rows, an empty
//! trail would look sound.

use diesel::QueryResult;
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Row-level security is off for this user (the owner of the tables), or a policy shows all rows (an auditor).
    Everything,
    /// Some rows may be hidden.
    Hidden,
}

crate::statement! {
    /// For each of the tables: whether policies apply to this user, and whether they show all rows.
    struct Policies<'a> { tables: &'a [&'a str] => Array<Text> } -> (Bool, Bool)
    = "SELECT row_security_active(c.oid), COALESCE(bool_or(p.shows_all) FILTER (WHERE p.permissive), false)
            AND COALESCE(bool_and(p.shows_all) FILTER (WHERE NOT p.permissive), true)
    FROM pg_class AS c
    LEFT JOIN LATERAL (
        SELECT polpermissive AS permissive, pg_get_expr(polqual, polrelid) = 'true' AS shows_all FROM pg_policy
        WHERE polrelid = c.oid AND polcmd IN ('r', '*') AND EXISTS (
            SELECT FROM unnest(polroles) AS role
            WHERE CASE WHEN role = 0 THEN true ELSE pg_has_role(current_user, role, 'USAGE') END)
    ) AS p ON true
    WHERE c.oid IN (SELECT one::regclass FROM unnest($1::text[]) AS one)
    GROUP BY c.oid"
}

/// # Errors
/// Fails if the database cannot be reached, or if the user may not read the tables at all.
pub(crate) async fn of(connection: &mut AsyncPgConnection, tables: &[&str]) -> QueryResult<Sight> {
    let tables: Vec<(bool, bool)> = Policies::new(tables).load(connection).await?;
    if tables.iter().all(|(active, _)| !active) {
        // From here on, a query from which a policy would hide a row fails instead.
        connection.batch_execute("SET row_security = off").await?;
        return Ok(Sight::Everything);
    }
    let sees_all = tables.iter().all(|(active, shows_all)| !active || *shows_all);
    Ok(if sees_all { Sight::Everything } else { Sight::Hidden })
}
