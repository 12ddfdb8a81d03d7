//! `help`: the actions, or the use of one.

use super::{ALL, Command, MORE, Takes, all};
use crate::ctl::client::Failure;
use crate::ctl::session::Session;

pub const COMMAND: Command = Command {
    name: "help",
    about: "list the actions, or explain one",
    takes: Takes::Actions,
    usage: "help\t\tPrint a list of available actions\n\
            help <action>\tPrint help for <action>",
    run,
};

/// The list is at most this wide.
const LINE_CHARS_MAX: usize = 79;

fn run(session: &mut Session, topic: &str) -> Result<(), Failure> {
    if topic.is_empty() {
        let names: Vec<&str> =
            ALL.iter().map(|command| command.name).filter(|name| *name != "help").collect();
        let more: Vec<&str> = MORE.iter().map(|command| command.name).collect();
        for (heading, names) in [("default", names), ("svx", more)] {
            let heading = format!("{heading} commands (type help <topic>):");
            session.say(format_args!("\n{heading}\n{}", "=".repeat(heading.len())));
            session.say(format_args!("{}\n", columns(&names).join("\n")));
        }
    } else if let Some(command) = all().find(|command| command.name == topic) {
        session.say(command.usage);
    } else {
        session.say(format_args!("*** No help on {topic}"));
    }
    Ok(())
}

/// Puts words into as few lines as possible, downwards first, two blanks between the columns.
fn columns(words: &[&str]) -> Vec<String> {
    for lines in 1..words.len() {
        let columns: Vec<&[&str]> = words.chunks(lines).collect();
        let widths: Vec<usize> = columns
            .iter()
            .map(|column| column.iter().map(|word| word.len()).max().unwrap_or(0))
            .collect();
        if widths.iter().sum::<usize>() + 2 * (widths.len() - 1) > LINE_CHARS_MAX {
            continue;
        }
        let line = |index: usize| {
            let cells = columns.iter().zip(&widths);
            let cells = cells.filter_map(|(column, width)| {
                column.get(index).map(|word| format!("{word:width$}"))
            });
            cells.collect::<Vec<_>>().join("  ")
        };
        return (0..lines).map(line).collect();
    }
    words.iter().map(|word| word.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_set_in_columns_as_pythons_prompt_sets_them() {
        let words = "add avail clear exit fg maintail open pid quit reload remove reread restart \
                     shutdown signal start status stop tail update version";
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(
            columns(&words),
            [
                "add    exit      open  reload  restart   start   tail   ",
                "avail  fg        pid   remove  shutdown  status  update ",
                "clear  maintail  quit  reread  signal    stop    version",
            ]
        );
    }
}
