//! Event listeners for tests: a script that notes all it gets, and what it has noted.

use std::collections::BTreeMap;
use std::fs;

use super::{Daemon, Setup, until};

/// Notes each event as a line of its file, then does what stands at HOOK, then says OK. `$n` counts
/// the events this process had before, `$head` and `$body` are the present one.
const SCRIPT: &str = r#"use strict;
use warnings;
binmode(STDIN, ':utf8');
open(my $notes, '>>:utf8', $ARGV[0]) or die;
$| = 1;
select((select($notes), $| = 1)[0]);
sub answer { print 'RESULT ', length($_[0]), "\n", $_[0] }
for (my $n = 0;; $n++) {
    print "READY\n";
    my $head = <STDIN>;
    exit 0 unless defined $head;
    my ($len) = $head =~ /len:(\d+)/ or die $head;
    my $body = '';
    read(STDIN, $body, $len);
    my $note = "$head$body";
    $note =~ s/\\/\\\\/g;
    $note =~ s/\n/\\n/g;
    print $notes "$note\n";
    HOOK;
    answer('OK');
}
"#;

/// An event as a listener got it.
#[derive(Clone, Debug)]
pub struct Got {
    /// The words of the header.
    pub head: BTreeMap<String, String>,
    /// What follows it.
    pub body: String,
}

impl Got {
    /// A word of the header as a number.
    pub fn number(&self, key: &str) -> u64 {
        self.head[key].parse().unwrap()
    }

    /// The type of the event.
    pub fn name(&self) -> &str {
        &self.head["eventname"]
    }
}

impl Setup {
    /// A pool of event listeners whose notes go to `NAME.got`. `hook` is Perl.
    pub fn listener(self, name: &str, events: &str, hook: &str, lines: &str) -> Setup {
        fs::write(self.path(&format!("{name}.pl")), SCRIPT.replace("HOOK", hook)).unwrap();
        let text = format!(
            "[eventlistener:{name}]\ncommand=perl %(here)s/{name}.pl %(here)s/{name}.got\n\
             events={events}\nstartsecs=0\n{lines}\n"
        );
        self.section(&text)
    }
}

impl Daemon {
    /// What listeners of a pool have noted so far; a line that is still being written is not.
    pub fn got(&self, name: &str) -> Vec<Got> {
        let notes = self.read(&format!("{name}.got"));
        let whole = notes.rfind('\n').map_or("", |end| &notes[..end]);
        whole.lines().map(parse).collect()
    }

    /// Waits until a pool has got so many events, and returns them.
    #[track_caller]
    pub fn wait_got(&self, name: &str, count: usize) -> Vec<Got> {
        until(&format!("{name} to get {count} events, not {}", self.got(name).len()), || {
            let notes = self.read(&format!("{name}.got"));
            (notes.matches('\n').count() >= count).then_some(())
        });
        self.got(name)
    }
}

fn parse(note: &str) -> Got {
    let (head, body) = note.split_once("\\n").unwrap();
    let words = head.split(' ').map(|word| word.split_once(':').unwrap());
    let head = words.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let body = body.replace("\\\\", "\0").replace("\\n", "\n").replace('\0', "\\");
    Got { head, body }
}
