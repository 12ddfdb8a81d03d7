//! contrib/vim is what the tables make, and the real vim shows a configuration as it should.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use svx::config::options::program::{EVENTS, Kind};
use svx::config::options::{Opt, client, daemon, group, server};

fn contrib() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/vim").into()
}

#[test]
fn the_syntax_file_is_the_one_that_the_tables_make() {
    let made = Command::new(env!("CARGO_BIN_EXE_svx")).args(["completions", "vim"]).output();
    let written = fs::read_to_string(contrib() + "/syntax/supervisord.vim").unwrap_or_default();
    assert!(
        written == String::from_utf8(made.unwrap().stdout).unwrap(),
        "out of date: cargo run -- completions vim > contrib/vim/syntax/supervisord.vim"
    );
}

/// Opens a file of that path in vim; each line in pieces with their groups, `key:Identifier|=x`.
/// `None` where there is no vim with syntax.
fn shown(path: &str, text: &str) -> Option<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    let script = dir.path().join("script.vim");
    let out = dir.path().join("shown");
    fs::write(&script, SCRIPT.replace("SHOWN", out.to_str().unwrap())).unwrap();
    let mut vim = Command::new("vim");
    vim.args(["-N", "-es", "-i", "NONE", "-u", "NONE", "--cmd"]);
    vim.arg(format!("set runtimepath^={}", contrib()));
    vim.args(["-c", "filetype plugin on", "-c", "syntax on", "-c"]);
    vim.arg(format!("edit {}", file.display())).arg("-S").arg(&script);
    vim.env("HOME", dir.path()).stdin(Stdio::null()).stdout(Stdio::null());
    if vim.status().is_err() || !Path::new(&out).exists() {
        eprintln!("skipped: there is no vim with syntax");
        return None;
    }
    let out = fs::read_to_string(out).unwrap();
    let mut shown: Vec<String> = out.lines().map(str::to_owned).collect();
    assert_eq!(shown.pop().unwrap(), "supervisord ; %s syntaxcomplete#Complete");
    Some(shown)
}

const SCRIPT: &str = r#"
if !has('syntax') || !has('eval')
    cquit
endif
let shown = []
for line in range(1, line('$'))
    let [words, last] = ['', '']
    for column in range(1, col([line, '$']) - 1)
        let group = synIDattr(synIDtrans(synID(line, column, 1)), 'name')
        let group = group =~# '^supervisord' ? '' : group
        if column > 1 && group != last
            let words ..= (last == '' ? '' : ':' .. last) .. '|'
        endif
        let last = group
        let words ..= getline(line)[column - 1]
    endfor
    call add(shown, words .. (last == '' ? '' : ':' .. last))
endfor
call add(shown, &filetype .. ' ' .. &commentstring .. ' ' .. &omnifunc)
call writefile(shown, 'SHOWN')
quitall!
"#;

#[test]
fn vim_shows_sections_options_values_comments_and_mistakes() {
    let text = "\
; a comment
lost
[program:web] ; runs
command = a %(ENV_X:-y)s ;b
 more=1 # end
Autostart=true
priority=999
environment=A=\"%(process_num)02d;\",B=\"x ;y\"
stdout_logfile=/l/%%Y.log
stdout_logfile_maxbytes=50MB
autostrat=true
nothing
[eventlistener:e]
events=TICK_5,TICK_6
[rpcinterface:x]
its.own=1
[Program:x]
command=x
[group:g]
programs=user,web
";
    let Some(shown) = shown("supervisord.conf", text) else { return };
    let wanted = [
        "; a comment:Comment",
        "lost:Error",
        "[program:web]:Title| |; runs:Comment",
        "command:Identifier| = a |%(ENV_X:-y)s:PreProc| |;b:Comment",
        " more=1 |# end:Comment",
        "Autostart:Identifier|=|true:Constant",
        "priority:Identifier|=|999:Constant",
        "environment:Identifier|=A=|\":Constant|%(process_num)02d:PreProc|;\":Constant|,B=|\"x :Constant|;y\":Comment",
        "stdout_logfile:Identifier|=/l/|%%:Special|Y.log",
        "stdout_logfile_maxbytes:Identifier|=|50MB:Constant",
        "autostrat:Error|=|true:Constant",
        "nothing:Error",
        "[eventlistener:e]:Title",
        "events:Identifier|=|TICK_5:Constant|,TICK_6",
        "[rpcinterface:x]:Title",
        "its.own:Identifier|=|1:Constant",
        "[Program:x]:Error",
        "command=x:Error",
        "[group:g]:Title",
        "programs:Identifier|=user,web",
    ];
    for (shown, wanted) in shown.iter().zip(wanted) {
        assert_eq!(shown, wanted);
    }
    assert_eq!(shown.len(), wanted.len());
}

#[test]
fn vim_knows_every_option_of_every_section() {
    fn lines<'t, T: 't>(name: &str, rows: impl IntoIterator<Item = &'t Opt<T>>) -> String {
        let options = rows.into_iter().map(|row| format!("{}=x\n", row.name));
        format!("[{name}]\n{}", options.collect::<String>())
    }
    let mut text = lines("supervisord", daemon::ROWS)
        + &lines("unix_http_server", server::UNIX)
        + &lines("inet_http_server:a", server::INET)
        + &lines("supervisorctl", client::ROWS)
        + &lines("include", group::INCLUDE)
        + &lines("group:a", group::GROUP)
        + &lines("rpcinterface:a", group::RPCINTERFACE);
    for (prefix, kind) in Kind::ALL {
        text += &lines(&format!("{prefix}a"), kind.rows());
        text += &lines("program-default", kind.rows());
    }
    let Some(shown) = shown("supervisor/conf.d/a.conf", &text) else { return };
    for (line, shown) in text.lines().zip(&shown) {
        match line.strip_suffix("=x") {
            Some(key) => assert_eq!(shown, &format!("{key}:Identifier|=x")),
            None => assert_eq!(shown, &format!("{line}:Title")),
        }
    }
    assert_eq!(text.lines().count(), shown.len());
    let text = format!("[eventlistener:a]\nevents={}\n", EVENTS.join(","));
    let shown = self::shown("supervisord.d/a.ini", &text).unwrap();
    assert_eq!(shown[1].matches(":Constant").count(), EVENTS.len(), "{shown:?}");
}
