//! The syntax of supervisord.conf for vim, from the option tables: an option is one in its own
//! section alone, and any other key there shows as a mistake.

use std::fmt::Write;

use crate::config::options::program::{EVENTS, Kind};
use crate::config::options::{Opt, client, daemon, group, server};

/// The longest line of keywords, as everywhere in this repository.
const COLUMNS: usize = 100;

/// The whole of `syntax/supervisord.vim`.
pub fn syntax() -> String {
    let mut out = HEAD.to_owned();
    section(&mut out, "Daemon", "supervisord", names(daemon::ROWS));
    section(&mut out, "Unix", r"unix_http_server\%(:.*\)\?", names(server::UNIX));
    section(&mut out, "Inet", r"inet_http_server\%(:.*\)\?", names(server::INET));
    section(&mut out, "Client", "supervisorctl", names(client::ROWS));
    section(&mut out, "Include", "include", names(group::INCLUDE));
    section(&mut out, "Group", "group:.*", names(group::GROUP));
    let mut all = Vec::new();
    for (prefix, kind) in Kind::ALL {
        let names = names(kind.rows());
        section(&mut out, &format!("{kind:?}"), &format!("{prefix}.*"), names.clone());
        all.extend(names);
    }
    all.sort_unstable();
    all.dedup();
    section(&mut out, "Default", "program-default", all);
    // Those that take any key.
    section(&mut out, "Free", r"\%(rpcinterface:.*\|ctlplugin:.*\|DEFAULT\)", Vec::new());
    let _ = writeln!(out, "\n\" What `events=` can name.");
    keywords(&mut out, "Event", &EVENTS);
    out + TAIL
}

fn names<'t, T: 't>(rows: impl IntoIterator<Item = &'t Opt<T>>) -> Vec<&'static str> {
    rows.into_iter().map(|row| row.name).collect()
}

/// The sections whose header is the pattern `header`, and their options.
fn section(out: &mut String, kind: &str, header: &str, options: Vec<&str>) {
    let _ = write!(
        out,
        r"
syntax case match
syntax region supervisord{kind} matchgroup=supervisordHeader
    \ start=/^\[{header}\]/ matchgroup=NONE end=/^\ze\[/
    \ fold contains=supervisord{kind}Key,@supervisordText
syntax case ignore
syntax match supervisord{kind}Key /^[^[:space:];#\[=:][^=:]\{{-}}\ze\s*[=:]/
    \ contained contains=supervisord{kind}Option
"
    );
    let link = |out: &mut String, group: &str, to: &str| {
        let _ = writeln!(out, "highlight default link supervisord{kind}{group} {to}");
    };
    if options.is_empty() {
        return link(out, "Key", "Identifier");
    }
    keywords(out, &format!("{kind}Option"), &options);
    link(out, "Key", "Error");
    link(out, "Option", "Identifier");
}

/// A group of keywords, in any case, filled into lines.
fn keywords(out: &mut String, group: &str, words: &[&str]) {
    let mut line = format!("syntax keyword supervisord{group} contained");
    for word in words {
        if line.len() + 1 + word.len() > COLUMNS {
            let _ = writeln!(out, "{line}");
            line = r"    \".into();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

const HEAD: &str = r#"" supervisord.conf, as svx and Supervisor read it.
" `svx completions vim` prints this file, from the tables that svx reads configurations by.
if exists('b:current_syntax')
    finish
endif
syntax sync fromstart
syntax iskeyword @,48-57,_,.

" What stands in no section, and sections that there are not.
syntax match supervisordStray /^[^[:space:];#].*/ contains=supervisordComment
highlight default link supervisordStray Error
highlight default link supervisordHeader Title
syntax cluster supervisordText contains=supervisordBroken,supervisordComment,supervisordExpansion,
    \supervisordPercent,supervisordWord,supervisordNumber,supervisordString,supervisordEvent
"#;

const TAIL: &str = r#"highlight default link supervisordEvent Constant

" Neither `key=value` nor the rest of a value, which is indented.
syntax match supervisordBroken /^[^[:space:];#\[][^=:]*$/ contained
highlight default link supervisordBroken Error
syntax match supervisordWord
    \ /\%(^\S[^=:]*[=:]\s*\)\@<=\%(true\|yes\|on\|false\|no\|off\|unexpected\|auto\|none\)\>/
    \ contained
highlight default link supervisordWord Boolean
syntax match supervisordNumber
    \ /\%(^\S[^=:]*[=:]\s*\)\@<=-\?\d[0-9, ]*\%([KMG]B\|[smhdw]\)\?\ze\s*\%($\|\s[;#]\)/ contained
highlight default link supervisordNumber Number
syntax region supervisordString start=/"/ skip=/\\"/ end=/"/ oneline contained
    \ contains=supervisordComment,supervisordExpansion,supervisordPercent
highlight default link supervisordString String
syntax match supervisordExpansion /%([^()]*)[-+ #0]*\d*\a/ contained
highlight default link supervisordExpansion PreProc
" A percent sign that means itself.
syntax match supervisordPercent /%%/ contained
highlight default link supervisordPercent SpecialChar
" Behind white space, quotes or not.
syntax match supervisordComment /\%(^\|\s\)\@1<=[;#].*/ contains=@Spell
highlight default link supervisordComment Comment

let b:current_syntax = 'supervisord'
"#;
