//! `maru chat`: a terminal client over Direct Line, as any other client is: REST to speak, the
//! WebSocket stream to listen.

mod net;
mod rest;
mod screen;
mod stream;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::admin::{Client, segment};
use crate::cli::Common;
use crate::exit::{Code, Failure};
use crate::terminal::say;
use rest::Rest;
use screen::Screen;
use stream::Heard;

/// How long the bot may take to say something more once the input has ended, and how long a script's
/// next line waits for the answer to the one before.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// After so long a silence an answer is taken to be whole.
const SILENCE: Duration = Duration::from_millis(200);

/// Where to talk, and as whom.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "In the conversation: a number presses a suggested action; /upload FILE sends a file; /help tells \
                        more; /quit leaves. Without --secret or --token the server that holds the data folder gives \
                        a token."
)]
pub(crate) struct Args {
    /// The server [default: the one that holds the data folder]
    #[arg(long, env = "MARU_URL")]
    url: Option<String>,
    /// A Direct Line secret; may be env:NAME or file:PATH
    #[arg(long, env = "MARU_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// A Direct Line token; it goes before a secret
    #[arg(long, env = "MARU_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Without a secret: the channel [default: the first]
    #[arg(long)]
    channel: Option<String>,
    /// Who you are
    #[arg(long, value_name = "ID", default_value = "me")]
    user: String,
    /// Go on with this conversation, and show what was said in it
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
}

/// Holds the conversation until the input ends or `/quit`.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub(crate) async fn run(common: &Common, args: Args) -> Result<(), Failure> {
    let (url, credential) = credential(common, &args).await?;
    let mut rest = Rest::new(&url, credential)?;
    let is_terminal = std::io::stdin().is_terminal();
    let mut screen = Screen::new(args.user.clone(), std::io::stdout().is_terminal());
    let started = match &args.conversation {
        Some(id) => rest.reconnect(id, None).await?,
        None => rest.start(&args.user).await?,
    };
    if is_terminal {
        say(format!("Conversation {}. /help tells what can be done here.", started.id))?;
    }
    let (heard_tx, mut heard) = mpsc::channel(64);
    let listening = tokio::spawn(stream::listen(rest.clone(), started, heard_tx));
    let talked = talk(&rest, &mut screen, &mut heard).await;
    listening.abort();
    talked
}

/// The server and something to show it.
async fn credential(common: &Common, args: &Args) -> Result<(String, String), Failure> {
    if let Some(text) = args.token.as_ref().or(args.secret.as_ref()) {
        let secret = maru_accounts::resolve_reference(text)
            .map_err(|error| Failure::new(Code::Usage, error))?;
        let url = match &args.url {
            Some(url) => url.clone(),
            None => match served_at(common).await? {
                Some((_, url)) => url,
                None => "http://127.0.0.1:8080".to_owned(),
            },
        };
        return Ok((url, secret.expose().to_owned()));
    }
    let Some((client, url)) = served_at(common).await? else {
        let message =
            "no server holds the data folder: start `maru serve`, or say --url and --secret";
        return Err(Failure::new(Code::Unreachable, message));
    };
    let channel = match &args.channel {
        Some(channel) => channel.clone(),
        None => first_channel(common, &client).await?,
    };
    let path = common.path(&format!("/channels/{}/tokens", segment(&channel)));
    let of = json!({ "user": args.user, "conversation": args.conversation });
    let answer: Value = client.call(http::Method::POST, &path, Some(&of)).await?;
    let token = answer["token"].as_str().unwrap_or_default().to_owned();
    Ok((args.url.clone().unwrap_or(url), token))
}

/// The server that holds the data folder, and its URL.
async fn served_at(common: &Common) -> Result<Option<(Client, String)>, Failure> {
    let Some(client) = Client::connect(&common.load()?.config.data).await else { return Ok(None) };
    let status: Value = client.call(http::Method::GET, "/v1/status", None).await?;
    Ok(status["url"].as_str().map(|url| (client, url.to_owned())))
}

async fn first_channel(common: &Common, client: &Client) -> Result<String, Failure> {
    let answer: Value = client.call(http::Method::GET, &common.path("/channels"), None).await?;
    let channels = answer["channels"].as_array().into_iter().flatten();
    let id =
        channels.filter(|c| c["kind"] == maru_direct_line::KIND).find_map(|c| c["id"].as_str());
    id.map(str::to_owned).ok_or_else(|| {
        Failure::new(
            Code::NotFound,
            "there is no direct-line channel: make one with `maru channel add`",
        )
    })
}

async fn talk(
    rest: &Rest,
    screen: &mut Screen,
    heard: &mut mpsc::Receiver<Heard>,
) -> Result<(), Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let is_script = !std::io::stdin().is_terminal();
    // A script's next line waits until then; a person decides that for themselves.
    let mut hold = is_script.then(|| Instant::now() + SILENCE);
    let mut input_is_open = true;
    loop {
        let held = async {
            match hold {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            heard = heard.recv() => match heard {
                Some(Heard::Activities(activities)) => {
                    let mut answered = false;
                    for activity in &activities {
                        answered |= screen.show(activity)?;
                    }
                    if answered && input_is_open && hold.is_some() {
                        hold = Some(Instant::now() + SILENCE);
                    }
                }
                Some(Heard::Lost) => screen.note("connection lost; connecting again")?,
                Some(Heard::Back) => screen.note("connected again")?,
                Some(Heard::Ended(why)) => return Err(why),
                None => return Ok(()),
            },
            line = lines.next_line(), if input_is_open && hold.is_none() => match line? {
                Some(line) => {
                    if !speak(rest, screen, line.trim()).await? {
                        return Ok(());
                    }
                    hold = is_script.then(|| Instant::now() + LAST_WORDS);
                }
                None => {
                    input_is_open = false;
                    hold = Some(Instant::now() + SILENCE);
                }
            },
            () = held => {
                if !input_is_open {
                    return Ok(());
                }
                hold = None;
            }
        }
    }
}

/// Does what a line says. Gives `false` when it says to leave.
async fn speak(rest: &Rest, screen: &mut Screen, line: &str) -> Result<bool, Failure> {
    let sent = match line.split_once(' ').map_or((line, ""), |(verb, rest)| (verb, rest.trim())) {
        ("", _) => return Ok(true),
        ("/quit" | "/exit", _) => return Ok(false),
        ("/help", _) => {
            screen.help()?;
            return Ok(true);
        }
        ("/upload", "") => {
            screen.note("/upload FILE")?;
            return Ok(true);
        }
        ("/upload", file) => rest.upload(screen.user(), &PathBuf::from(file)).await,
        (verb, _) if verb.starts_with('/') => {
            screen.note("there is no such command; /help tells which there are")?;
            return Ok(true);
        }
        _ => rest.post(&screen.activity(line)).await,
    };
    if let Err(failure) = sent {
        // The conversation goes on: what failed was one line of it.
        screen.note(&format!("not sent: {failure}"))?;
    }
    Ok(true)
}
