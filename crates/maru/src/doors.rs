//! How users and bots come in: the faces, made of the hall.

use std::sync::Arc;

use maru_accounts::{Accounts, People};
use maru_bot_framework::Connector;
use maru_chatflow::{ChatFlow, Setup as ChatFlowSetup};
use maru_chatflow_channel::ChatFlowApi;
use maru_desk::{DeskFace, FaceSetup, Service as Desk, Setup as DeskSetup};
use maru_direct_line::DirectLine;
use maru_door::{Face, Sockets};
use maru_files::Files;
use maru_hall::{CheckChannel, Hall};
use maru_kakao::Kakao;
use maru_kore::Kore;
use maru_naver::Naver;
use maru_pages::Pages;
use maru_plus_friend::PlusFriend;
use maru_web_chat::WebChat;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::answerers::{Answerers, Outward};
use crate::config::Config;

/// The kinds of channels there are, each with the check of its settings.
pub(crate) const CHANNEL_KINDS: [(&str, CheckChannel); 6] = [
    (maru_direct_line::KIND, maru_direct_line::check_settings),
    (maru_kore::KIND, maru_kore::check_settings),
    (maru_kakao::plus_friend::KIND, maru_kakao::plus_friend::check_settings),
    (maru_kakao::skill::KIND, maru_kakao::skill::check_settings),
    (maru_naver::KIND, maru_naver::check_settings),
    (maru_web_chat::KIND, maru_web_chat::check_settings),
];

/// What the faces are made of.
pub(crate) struct Inside<'a> {
    pub(crate) config: &'a Config,
    pub(crate) hall: &'a Hall,
    pub(crate) accounts: &'a Arc<Accounts>,
    pub(crate) people: &'a Arc<People>,
    pub(crate) outward: Outward,
    pub(crate) sockets: Sockets,
    pub(crate) stopping: &'a CancellationToken,
}

/// The faces, and those of them that operators work with too.
pub(crate) struct Doors {
    pub(crate) direct_line: Arc<DirectLine>,
    pub(crate) web_chat: Arc<WebChat>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) chatflow: Arc<ChatFlow>,
    pub(crate) plus_friend: PlusFriend,
    pub(crate) faces: Vec<Arc<dyn Face>>,
}

impl Doors {
    /// Makes them, and gives the bots what they need of the hall. Before the hall is started.
    pub(crate) fn new(inside: Inside<'_>, answerers: Answerers, registry: &mut Registry) -> Self {
        let Inside { config, hall, accounts, people, outward, sockets, stopping } = inside;
        let Outward { egress, notifier } = outward;
        let (hall, accounts) = (|| hall.clone(), || Arc::clone(accounts));
        let stopping = || stopping.clone();
        let Answerers { callback, botkit, plus_friend, scenarios, .. } = answerers;

        let direct_line = DirectLine::new(hall(), accounts(), sockets.clone(), registry);
        let kore = Kore::new(hall(), accounts(), sockets.clone(), registry);
        let kakao = Kakao::new(hall(), accounts(), egress.clone(), stopping(), registry);
        let naver = Naver::new(hall(), accounts(), egress.clone(), stopping(), registry);
        let notify = Some(notifier.clone());
        let desk = Desk::new(DeskSetup { hall: hall(), notifier: notify }, registry);
        desk.install();
        let files = Files::new(hall(), accounts().instance_key());
        // The folder for what is temporary is in memory on some machines.
        let files = files.spooled_in(config.data.clone());
        let web_chat = WebChat::new(hall(), accounts(), sockets.clone(), files.clone(), registry);
        let agents = DeskFace::new(FaceSetup {
            service: Arc::clone(&desk),
            hall: hall(),
            accounts: accounts(),
            people: Arc::clone(people),
            files,
            sockets,
        });
        let chatflow = ChatFlowSetup {
            hall: hall(),
            accounts: accounts(),
            egress,
            notifier,
            settings: maru_chatflow::Settings::default(),
        };
        let chatflow = Arc::new(ChatFlow::new(chatflow, registry));
        scenarios.attach(&chatflow);
        let api =
            ChatFlowApi::new(ChatFlow::clone(&chatflow), maru_chatflow_channel::Limits::default());
        let connector = Arc::new(Connector::new(hall(), callback, config.bot_framework));
        let botkit = botkit.face(hall(), maru_botkit::Limits::default());
        plus_friend.attach(&hall());

        let pages = Pages::new(config.pages.clone());

        let faces: Vec<Arc<dyn Face>> = vec![
            Arc::clone(&direct_line) as _,
            Arc::clone(&web_chat) as _,
            kore,
            kakao,
            naver,
            api,
            connector,
            botkit,
            agents,
            pages,
        ];
        Self { direct_line, web_chat, desk, chatflow, plus_friend, faces }
    }
}
