//! Checks the settings of a shape.

use std::collections::{BTreeMap, BTreeSet};

use syncrepl_proto::attributes::is_description;
use syncrepl_proto::filter::{Condition, Filter};
use syncrepl_proto::secret::{is_secret, without_options};

use super::Shape;
use super::error::ShapeError;
use super::fate::{Fates, Rules, type_of};
use super::settings::ShapeSettings;
use super::when::When;

type Result<T> = std::result::Result<T, ShapeError>;

impl Shape {
    /// The shape that a configuration describes.
    ///
    /// # Errors
    /// Something in it cannot be meant. The error names the key, and says what to write.
    pub fn new(settings: &ShapeSettings) -> Result<Shape> {
        let rules = Rules {
            only: settings.only.as_deref().map(only).transpose()?,
            rename: renames(&settings.rename)?,
            mask: types("mask", &settings.mask)?,
            unmask: unmasked(&settings.unmask)?,
        };
        rules.check()?;
        let when = settings.when.as_deref().map(|text| when(text, &rules));
        Ok(Shape {
            when: when.transpose()?.flatten(),
            fates: Fates::new(rules),
            data: settings.data,
        })
    }
}

impl Rules {
    fn check(&self) -> Result<()> {
        if let Some(name) = self.unmask.iter().find(|name| self.masks(name)) {
            let name = name.clone();
            return Err(ShapeError::MaskedAndUnmasked { name });
        }
        // Without `only` nobody knows which attributes there are besides.
        let Some(only) = &self.only else {
            return Ok(());
        };
        for (renamed, name) in &self.rename {
            let other = name.to_ascii_lowercase();
            if only.contains(&other) && !self.rename.contains_key(&other) {
                return Err(ShapeError::OneName {
                    attributes: [renamed.clone(), other],
                    name: name.clone(),
                });
            }
        }
        Ok(())
    }
}

fn only(names: &[String]) -> Result<BTreeSet<String>> {
    match names {
        [] => Err(ShapeError::OnlyIsEmpty),
        names => types("only", names),
    }
}

fn types(key: &'static str, names: &[String]) -> Result<BTreeSet<String>> {
    let types = names.iter().map(|name| {
        check_name(key, name)?;
        Ok(type_of(name).into_owned())
    });
    types.collect()
}

fn unmasked(names: &[String]) -> Result<BTreeSet<String>> {
    let names = names.iter().map(|name| {
        check_name("unmask", name)?;
        match is_secret(name) {
            true => Ok(name.to_ascii_lowercase()),
            false => Err(ShapeError::NotSecret { name: name.clone() }),
        }
    });
    names.collect()
}

fn renames(names: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut renames = BTreeMap::new();
    let mut taken: BTreeMap<String, &String> = BTreeMap::new();
    for (attribute, name) in names {
        check_name("rename", attribute)?;
        check_name("rename", name)?;
        let renamed = renames.insert(attribute.to_ascii_lowercase(), name.clone());
        if renamed.is_some() {
            return Err(ShapeError::RenamedTwice {
                name: attribute.clone(),
            });
        }
        if let Some(other) = taken.insert(name.to_ascii_lowercase(), attribute) {
            return Err(ShapeError::OneName {
                attributes: [other.clone(), attribute.clone()],
                name: name.clone(),
            });
        }
    }
    Ok(renames)
}

fn check_name(key: &'static str, name: &str) -> Result<()> {
    let plain = without_options(name);
    if !is_description(plain) {
        let name = name.to_owned();
        return Err(ShapeError::NoName { key, name });
    }
    if plain != name {
        return Err(ShapeError::HasOptions {
            key,
            name: name.to_owned(),
            plain: plain.to_owned(),
        });
    }
    Ok(())
}

/// `None` for a filter that every entry matches, even one whose object classes the copy does not hold.
fn when(text: &str, rules: &Rules) -> Result<Option<When>> {
    let filter = Filter::parse(text).map_err(ShapeError::Filter)?;
    if !filter.may_hide_parents() {
        return Ok(None);
    }
    let condition = Condition::new(&filter);
    if let Some(part) = condition.undefined_part() {
        let part = part.to_string();
        return Err(ShapeError::Undefined { part });
    }
    let secret = condition.names().into_iter().map(ToString::to_string);
    if let Some(attribute) = secret.into_iter().find(|name| rules.is_secret(name)) {
        return Err(ShapeError::SecretTested { attribute });
    }
    Ok(Some(When::new(condition)))
}
