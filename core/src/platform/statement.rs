//! SQL text with typed parameters, prepared once per connection.
//!
//! Diesel's `sql_query` parses its text anew at every call once it has parameters, and its query builder cannot express
//! `unnest`, `RETURNING` into an `INSERT`, or a lateral join. [`statement!`](crate::statement!) is for those statements
//! only; all others use the query builder.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;

/// Defines a struct that is a statement: its fields are the parameters `$1`, `$2`, … in this order.
///
/// The placeholders occur in ascending order, and again only behind the last one: Diesel numbers them as they come. Name one
/// in a `WITH` clause to use it twice before that; whatever else does not compile. A statement that returns rows names their
/// SQL types after the arrow and loads, by position, into anything that is `Queryable` from them.
///
/// ```
/// use diesel::sql_types::{Array, BigInt};
///
/// comptoir_core::statement! {
///     /// The numbers above a limit.
///     struct Above<'a> { numbers: &'a [i64] => Array<BigInt>, limit: i64 => BigInt } -> (BigInt,)
///     = "SELECT n FROM unnest($1) AS n WHERE n > $2"
/// }
/// ```
#[macro_export]
macro_rules! statement {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$lt:lifetime> { $($field:ident: $ty:ty => $sql_ty:ty),* $(,)? }
        $(-> ($($row:ty),+ $(,)?))?
        = $sql:expr
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        $vis struct $name<$lt> {
            $($vis $field: $ty,)*
            #[doc(hidden)]
            $vis _lifetime: ::std::marker::PhantomData<&$lt ()>,
        }

        impl<$lt> $name<$lt> {
            #[allow(clippy::too_many_arguments)]
            $vis fn new($($field: $ty),*) -> Self {
                Self { $($field,)* _lifetime: ::std::marker::PhantomData }
            }
        }

        const _: () = assert!(
            $crate::platform::statement::are_bound_in_order($sql, <[&str]>::len(&[$(stringify!($field)),*])),
            "the placeholders of a statement come in the order of its fields: $1 before $2, and repeated ones after the last"
        );

        impl ::diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<$lt> ::diesel::query_builder::QueryFragment<::diesel::pg::Pg> for $name<$lt> {
            fn walk_ast<'b>(
                &'b self,
                mut out: ::diesel::query_builder::AstPass<'_, 'b, ::diesel::pg::Pg>,
            ) -> ::diesel::result::QueryResult<()> {
                #[allow(unused_mut)]
                let mut rest: &'static str = $sql;
                $(
                    $crate::platform::statement::push_up_to_placeholder(&mut rest, &mut out);
                    out.push_bind_param::<$sql_ty, _>(&self.$field)?;
                )*
                out.push_sql(rest);
                Ok(())
            }
        }

        $(impl ::diesel::query_builder::Query for $name<'_> {
            type SqlType = ($($row,)+);
        })?
    };
}

/// Whether the first placeholders of a statement are those of its fields, one after the other. What comes after them stays as it is.
#[doc(hidden)]
pub const fn are_bound_in_order(sql: &str, fields: usize) -> bool {
    let bytes = sql.as_bytes();
    let (mut at, mut bound) = (0, 0);
    while at < bytes.len() && bound < fields {
        if bytes[at] == b'$' {
            let mut number = 0;
            while at + 1 < bytes.len() && bytes[at + 1].is_ascii_digit() {
                at += 1;
                number = number * 10 + (bytes[at] - b'0') as usize;
            }
            bound += 1;
            if number != bound {
                return false;
            }
        }
        at += 1;
    }
    bound == fields
}

/// Pushes the text in front of the next `$n` and steps over the placeholder, which Diesel writes itself.
#[doc(hidden)]
pub fn push_up_to_placeholder(rest: &mut &'static str, out: &mut AstPass<'_, '_, Pg>) {
    let (text, after) = rest.split_once('$').unwrap_or((rest, ""));
    out.push_sql(text);
    *rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
}

#[cfg(test)]
mod tests {
    use diesel::pg::Pg;
    use diesel::query_builder::QueryId;
    use diesel::sql_types::{BigInt, Text};

    crate::statement! {
        struct Sample<'a> { name: &'a str => Text, limit: i64 => BigInt } -> (BigInt,)
        = "SELECT n FROM t WHERE name = $1 AND n > $2::bigint ORDER BY n"
    }

    #[test]
    fn a_statement_keeps_its_text_and_numbers_its_parameters() {
        let text = diesel::debug_query::<Pg, _>(&Sample::new("x", 5)).to_string();
        assert!(
            text.starts_with("SELECT n FROM t WHERE name = $1 AND n > $2::bigint ORDER BY n -- binds"),
            "{text}"
        );
    }

    #[test]
    fn a_statement_whose_placeholders_diesel_would_number_anew_does_not_compile() {
        use super::are_bound_in_order;
        for (sql, fields) in
            [("a = $1 AND b = $2 AND c = $1", 2), ("a", 0), ("$1 $2 $3 $4 $5 $6 $7 $8 $9 $10", 10)]
        {
            assert!(are_bound_in_order(sql, fields), "{sql}");
        }
        for (sql, fields) in
            [("a = $1 AND c = $1 AND b = $2", 2), ("$2 $1", 2), ("$1", 2), ("$11", 1), ("$", 1)]
        {
            assert!(!are_bound_in_order(sql, fields), "{sql}");
        }
    }

    #[test]
    fn a_statement_is_cached_under_its_own_type() {
        assert_eq!(Sample::query_id(), Some(std::any::TypeId::of::<Sample<'static>>()));
    }
}
