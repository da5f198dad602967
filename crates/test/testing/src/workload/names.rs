//! Values: names that are hard to escape, text in many scripts, bytes that are no text.

use fastrand::Rng;

use super::tree::{Rdn, Values};

const NAMES: [&str; 12] = [
    "Ann Archer",
    "Böhm",
    "Łukasz",
    "李雷",
    "Ωmega",
    "O'Hara",
    "Zoë",
    "Ḿüller",
    "Иван",
    "عمر",
    "naïve 🙂",
    "Bob",
];

/// A number in place of `{}` makes each value unique.
const HARD: [&str; 13] = [
    "Smith, Jr. {}",
    "A+B {}",
    "say \"hi\" {}",
    "back\\slash {}",
    "#hash {}",
    " lead {}",
    "trail {} ",
    "semi;colon {}",
    "a<b>c {}",
    "x=y {}",
    "#, +\"\\ {} ",
    "two  spaces {}",
    " #both {} ",
];

/// A source of values, each of them new.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) rng: Rng,
    next: u64,
    hard: bool,
}

impl Names {
    pub(super) fn new(seed: u64, hard: bool) -> Names {
        Names {
            rng: Rng::with_seed(seed),
            next: 0,
            hard,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.rng.usize(0..from.len())].clone())
    }

    /// How the escapes of a DN are spelled: a bit for each RDN.
    pub(super) fn style(&mut self) -> u64 {
        match self.hard {
            true => self.rng.u64(..),
            false => 0,
        }
    }

    /// A name, one in four of them hard to escape.
    pub(super) fn name(&mut self) -> String {
        let number = self.number().to_string();
        if self.one_in(4) && self.hard {
            return HARD[self.rng.usize(0..HARD.len())].replace("{}", &number);
        }
        format!("{} {number}", NAMES[self.rng.usize(0..NAMES.len())])
    }

    /// A line of text.
    pub(super) fn text(&mut self) -> Vec<u8> {
        let mut text = self.name();
        if self.one_in(3) {
            text += ": a description, of no use\nbut with a second line";
        }
        text.into_bytes()
    }

    /// A value that the server takes for a JPEG: the first and the last marker, and anything between.
    pub(super) fn jpeg(&mut self, size: usize) -> Vec<u8> {
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
        jpeg.extend(b"JFIF\0");
        jpeg.extend(std::iter::repeat_with(|| self.rng.u8(..)).take(size));
        jpeg.extend([0xff, 0xd9]);
        jpeg
    }

    /// The name of a person: by uid, by cn, or by both.
    pub(super) fn person_rdn(&mut self) -> Rdn {
        let uid = ("uid".to_owned(), format!("u{}", self.number()));
        match self.rng.u8(0..8) {
            0..=3 => vec![uid],
            4..=6 => vec![("cn".to_owned(), self.name())],
            _ => vec![("cn".to_owned(), self.name()), uid],
        }
    }

    pub(super) fn person(&mut self, rdn: &Rdn) -> Values {
        let mut values = Values::new();
        let mut put = |name: &str, value: Vec<u8>| {
            values.entry(name.to_owned()).or_default().push(value);
        };
        put("objectClass", b"inetOrgPerson".to_vec());
        let full = self.name();
        put("sn", full.trim().as_bytes().to_vec());
        put("cn", full.into_bytes());
        put(
            "mail",
            format!("m{}@example.com", self.number()).into_bytes(),
        );
        match self.rng.u8(0..10) {
            0..=5 => put("employeeType", b"staff".to_vec()),
            6..=8 => put("employeeType", b"temp".to_vec()),
            _ => {}
        }
        if self.one_in(3) {
            put("cn;lang-de", self.text());
        }
        if self.one_in(4) {
            let size = self.rng.usize(10..400);
            put("jpegPhoto", self.jpeg(size));
        }
        for _ in 0..self.rng.u8(0..3) {
            put("description", self.text());
        }
        for (name, value) in rdn {
            put(name, value.clone().into_bytes());
        }
        values
    }
}
