//! A small program around the line editor, steered over a loopback connection. It is this test binary itself,
//! started anew in a pseudo-terminal.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::Path;

use heloise::repl::screen::Screen;
use heloise::repl::terminal::{Mode, Options, Prompt, Terminal, Typed};
use heloise::session::{Phase, State};
use heloise::wire::{Capabilities, Capability};
use portable_pty::CommandBuilder;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use super::{PATIENCE, Pty};

const STEER: &str = "HELOISE_TEST_STEER";
const HISTORY: &str = "HELOISE_TEST_HISTORY";

/// The program in its terminal, and the line to it.
pub struct Steered {
    pty: Pty,
    line: BufReader<TcpStream>,
}

impl Steered {
    /// Starts it. `env` is added to its environment.
    pub fn start(history: Option<&Path>, env: &[(&str, &str)]) -> Steered {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["pty::child::program", "--exact", "--ignored", "--nocapture"]);
        command.env(STEER, listener.local_addr().unwrap().to_string());
        if let Some(path) = history {
            command.env(HISTORY, path);
        }
        env.iter().for_each(|(name, value)| command.env(name, value));
        let pty = Pty::start(command);
        let line = BufReader::new(listener.accept().unwrap().0);
        line.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        Steered { pty, line }
    }

    /// Gives the program an order.
    pub fn order(&mut self, order: &str) {
        writeln!(self.line.get_mut(), "{order}").unwrap();
    }

    /// Has it ask for a line, and waits for the prompt.
    pub fn ask(&mut self, mode: &str) {
        self.order(&format!("read {mode}"));
        self.wait_last(&format!("{mode} >"));
    }

    /// What was typed, as the program got it.
    pub fn typed(&mut self) -> String {
        let mut answer = String::new();
        if let Err(error) = self.line.read_line(&mut answer) {
            panic!("nothing was typed: {error}; the screen:\n{}", self.rows().join("\n"));
        }
        answer.trim_end().to_owned()
    }

    /// Ends it and gives its exit status.
    pub fn quit(&mut self) -> u32 {
        self.order("quit");
        self.end()
    }
}

impl Deref for Steered {
    type Target = Pty;

    fn deref(&self) -> &Pty {
        &self.pty
    }
}

impl DerefMut for Steered {
    fn deref_mut(&mut self) -> &mut Pty {
        &mut self.pty
    }
}

#[test]
#[ignore = "it is the program that other tests start in a pseudo-terminal"]
fn program() {
    let address = std::env::var(STEER).expect("only other tests start this one");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(&address));
    // The test harness must not say anything more.
    std::process::exit(7);
}

async fn serve(address: &str) {
    let (orders, mut answers) = tokio::net::TcpStream::connect(address).await.unwrap().into_split();
    let mut orders = tokio::io::BufReader::new(orders).lines();
    let screen = Screen::stdout();
    let history = std::env::var_os(HISTORY).map(Into::into);
    let mut terminal = Terminal::open(Options { history, colour: true }, &screen).unwrap();
    let mut wanted: Option<Prompt> = None;
    loop {
        // Each order drops the read under way, which the next round takes up again.
        tokio::select! {
            order = orders.next_line() => {
                let Some(order) = order.unwrap() else { break };
                let (word, rest) = order.split_once(' ').unwrap_or((&order, ""));
                match word {
                    "print" => screen.print(rest),
                    "many" => (0..rest.parse().unwrap()).for_each(|i| screen.print(format!("line {i}"))),
                    "read" => wanted = Some(Prompt::new(format!("\x1b[1m{rest}\x1b[0m > "), mode(rest))),
                    "fill" => wanted = Some(Prompt { prefill: rest.to_owned(), ..Prompt::new("fill > ", Mode::Command) }),
                    "closed" => {
                        terminal.known().update(None);
                        screen.repaint();
                    }
                    "offer" => terminal.known().update(Some(&offering(rest))),
                    _ => break,
                }
            }
            typed = terminal.read(wanted.clone().unwrap_or(Prompt::new("", Mode::Command))), if wanted.is_some() => {
                wanted = None;
                terminal.keep_history(|_| false);
                let text = match typed {
                    Typed::Line(line) => format!("line {line:?}\n"),
                    other => format!("{other:?}\n"),
                };
                answers.write_all(text.as_bytes()).await.unwrap();
            }
        }
    }
    drop(terminal);
    screen.print("good bye");
    screen.flush().await;
}

fn mode(name: &str) -> Mode {
    match name {
        "content" => Mode::Content,
        "masked" => Mode::Masked,
        "question" => Mode::Question,
        "response" => Mode::Response,
        _ => Mode::Command,
    }
}

fn offering(lines: &str) -> State {
    let list = lines.split(',').map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        Capability { keyword: words.next().unwrap_or_default(), params: words.collect() }
    });
    let capabilities = Capabilities { domain: None, list: list.collect() };
    State { phase: Phase::Ready, capabilities: Some(capabilities.into()), ..State::default() }
}
