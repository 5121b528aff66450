//! Whether the rooms of the house - the modules below `src` - use each other as the table in
//! `CONTRIBUTING.md` has it: only what stands above them there, so that no two use each other. No two files
//! of one room do so either.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The path of a module below `src`, such as `engine::call`.
type Module = Vec<String>;

/// What a file of `src` uses of this crate, as full paths.
struct File {
    module: Module,
    uses: BTreeSet<Module>,
    /// What it hands on of its own modules, by name.
    hands_on: BTreeMap<String, Module>,
    /// Its code, but for what it imports.
    code: String,
}

/// The code without comments, and without the tests that end a file.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths in a tree of `use`, such as `a::{b, c::d}`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.trim().trim_end_matches("::self").to_owned()];
    };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&inside[start..]);
    let items = items.into_iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| leaves(&format!("{}{}", prefix.trim(), item.trim()))).collect()
}

/// The full path that `path` is in `module`; `None` if it leads to another crate.
fn resolved(path: &str, module: &Module) -> Option<Module> {
    let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut full = match parts.first().copied()? {
        "crate" => Vec::new(),
        "self" | "super" => module.clone(),
        _ => return None,
    };
    while let Some(first @ ("crate" | "self" | "super")) = parts.first().copied() {
        if first == "super" {
            full.pop();
        }
        parts.remove(0);
    }
    full.extend(parts.into_iter().map(str::to_owned));
    Some(full)
}

/// All paths that begin with one of these words and are written out in the code.
fn written_out(code: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c: char| !is_path(c)).map(|word| word.trim_end_matches(':'));
    let begins = |word: &&str| ["crate::", "super::", "self::"].iter().any(|b| word.starts_with(b));
    words.filter(begins).map(str::to_owned).collect()
}

/// Whether a path that begins with this name is in the code.
fn names_module(code: &str, name: &str) -> bool {
    let is_end = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    code.match_indices(&format!("{name}::")).any(|(at, _)| code[..at].ends_with(is_end))
}

fn read(path: &Path, module: Module) -> File {
    let text = code(&fs_err::read_to_string(path).unwrap());
    let mut file =
        File { uses: BTreeSet::new(), hands_on: BTreeMap::new(), code: String::new(), module };
    let mut rest = String::new();
    for item in text.split_inclusive(';') {
        let Some(at) = item.find("use ").filter(|at| {
            let before = item[..*at].trim_end().rsplit('\n').next().unwrap_or_default().trim();
            let starts_line = item[..*at].rsplit('\n').next().unwrap_or_default().trim();
            starts_line.is_empty() || before.starts_with("pub")
        }) else {
            rest.push_str(item);
            continue;
        };
        let is_public = item[..at].trim_end().ends_with("pub") || item[..at].contains("pub(");
        rest.push_str(&item[..at]);
        let tree = item[at + 4..].trim_end_matches(';').replace('\n', " ");
        for leaf in leaves(&tree) {
            let Some(full) = resolved(&leaf, &file.module) else { continue };
            if is_public && leaf.starts_with("self::") {
                let name = full.last().cloned().unwrap_or_default();
                file.hands_on.insert(name, full[..full.len() - 1].to_vec());
            } else {
                file.uses.insert(full);
            }
        }
    }
    let paths = written_out(&rest);
    file.uses.extend(paths.iter().filter_map(|path| resolved(path, &file.module)));
    file.code = rest;
    file
}

fn files(directory: &Path, module: &Module, found: &mut Vec<File>) {
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let within = |name: String| module.iter().cloned().chain([name]).collect::<Module>();
        if path.is_dir() {
            if name != "tests" && name != "bin" {
                files(&path, &within(name), found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            match (&*name, module.is_empty()) {
                ("tests", _) | ("lib" | "main", true) => {}
                ("mod", _) => found.push(read(&path, module.clone())),
                _ => found.push(read(&path, within(name))),
            }
        }
    }
}

/// Which files use which: by what they name, wherever that is handed on.
fn arrows() -> BTreeMap<Module, BTreeSet<Module>> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &Vec::new(), &mut found);
    let by_module: BTreeMap<&Module, &File> =
        found.iter().map(|file| (&file.module, file)).collect();
    let file_of = |path: &Module| {
        let mut length = path.len();
        while length > 0 && !by_module.contains_key(&path[..length].to_vec()) {
            length -= 1;
        }
        let (mut module, mut rest) = (path[..length].to_vec(), &path[length..]);
        while let Some(next) = rest
            .first()
            .and_then(|name| by_module.get(&module).and_then(|file| file.hands_on.get(name)))
        {
            module.clone_from(next);
            rest = &rest[..1];
        }
        (!module.is_empty()).then_some(module)
    };
    let of = |file: &File| {
        // A module of its own may be named without `self`.
        let own = by_module.keys().filter(|module| {
            let (name, above) = module.split_last().unwrap();
            *above == *file.module && names_module(&file.code, name)
        });
        let own: Vec<Module> = own.map(|module| (*module).clone()).collect();
        let used = file.uses.iter().chain(&own).filter_map(file_of);
        (file.module.clone(), used.filter(|used| *used != file.module).collect())
    };
    found.iter().map(of).collect()
}

/// The rooms with what each may use, from the table.
fn table() -> Vec<(String, BTreeSet<String>)> {
    let text = include_str!("../CONTRIBUTING.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let names = |cell: &str| {
        let names = cell.split(',').map(|name| name.trim().trim_matches('`').to_owned());
        names.filter(|name| !name.is_empty()).collect::<Vec<_>>()
    };
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (names(cells[0]).concat(), names(cells[2]).into_iter().collect())
        })
        .collect()
}

#[test]
fn rooms_use_what_the_table_allows_and_nothing_that_stands_below_them() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in arrows() {
        let room = used.entry(from[0].clone()).or_default();
        room.extend(to.into_iter().map(|to| to[0].clone()).filter(|to| *to != from[0]));
    }
    let table = table();
    for (number, (room, allowed)) in table.iter().enumerate() {
        let above: Vec<&String> = table[..number].iter().map(|(room, _)| room).collect();
        let below: Vec<_> = allowed.iter().filter(|room| !above.contains(room)).collect();
        assert!(below.is_empty(), "`{room}` uses what stands below it in the table: {below:?}");
    }
    let table: BTreeMap<_, _> = table.into_iter().collect();
    assert_eq!(used, table, "the code (left) and the table in CONTRIBUTING.md (right) differ");
}

#[test]
fn no_two_files_use_each_other() {
    let arrows = arrows();
    // What nothing that is left uses, or that uses nothing, is in no circle.
    let mut left: BTreeSet<&Module> = arrows.keys().collect();
    while let Some(free) =
        left.iter().find(|file| arrows[**file].iter().all(|to| !left.contains(to)))
    {
        let free = *free;
        left.remove(free);
    }
    let circles: Vec<String> = left
        .iter()
        .map(|file| {
            let to = arrows[*file].iter().filter(|to| left.contains(to)).map(|to| to.join("::"));
            format!("{} -> {}", file.join("::"), to.collect::<Vec<_>>().join(", "))
        })
        .collect();
    assert!(
        circles.is_empty(),
        "files that use each other, or a file of these:\n{}",
        circles.join("\n")
    );
}
