//! Permissions as boxes to tick, in groups.

use comptoir_core::application::{Permission, PermissionSet};
use comptoir_core::values::language::Language;

use super::forms::Form;
use super::words::permissions::{Area, area, label};

/// The name of the boxes.
pub(crate) const FIELD: &str = "permissions";

/// Boxes under one heading.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) label: &'static str,
    pub(crate) boxes: Vec<Tick>,
}

#[derive(Debug)]
pub(crate) struct Tick {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) is_ticked: bool,
    /// Whether the role has it.
    pub(crate) is_of_role: bool,
}

/// Returns a box for each of `offered`.
pub(crate) fn groups(
    offered: PermissionSet,
    ticked: PermissionSet,
    of_role: PermissionSet,
    language: Language,
) -> Vec<Group> {
    let group = |wanted: Area| {
        let boxes = offered.iter().filter(|permission| area(*permission) == wanted).map(|permission| Tick {
            name: permission.name(),
            label: label(permission, language),
            is_ticked: ticked.contains(permission),
            is_of_role: of_role.contains(permission),
        });
        Group { label: wanted.label(language), boxes: boxes.collect() }
    };
    Area::ALL.into_iter().map(group).filter(|group| !group.boxes.is_empty()).collect()
}

/// What was ticked. Names that nobody knows are left out: no box has them.
pub(crate) fn ticked(form: &Form) -> PermissionSet {
    form.all(FIELD).filter_map(|name| name.parse::<Permission>().ok()).collect()
}

/// Reads the names of a view.
pub(crate) fn named(names: &[&'static str]) -> PermissionSet {
    names.iter().filter_map(|name| name.parse::<Permission>().ok()).collect()
}
