//! The settings of bots' and channels' records, for the reference. What they are is decided in the
//! crates of their kinds; a test holds the two together.

/// A group of settings: of every bot, or of one kind.
#[derive(Clone, Copy, Debug)]
pub struct RecordGroup {
    /// The heading.
    pub title: &'static str,
    /// What they are settings of, and how they are set, in Markdown.
    pub doc: &'static str,
    /// The settings.
    pub settings: &'static [RecordSetting],
}

/// A setting: its name, its default as JSON has it, and what it means, in Markdown.
pub type RecordSetting = (&'static str, &'static str, &'static str);

/// All groups.
pub const RECORD_GROUPS: &[RecordGroup] = &[
    RecordGroup {
        title: "Every bot: how it is called",
        doc: "`maru bot set ID delivery.NAME=VALUE`.",
        settings: &[
            ("delivery.in_flight_max", "64", "How many attempts may be under way at once."),
            (
                "delivery.attempt_timeout_ms",
                "15000",
                "How long one attempt may take, in milliseconds.",
            ),
            (
                "delivery.retry_for_secs",
                "86400",
                "For how long a bot that cannot be reached is tried again, in seconds.",
            ),
            (
                "delivery.retry_timeouts",
                "false",
                "Whether an attempt that timed out after it was sent is made again. The bot may then answer twice.",
            ),
            ("delivery.circuit_failures", "10", "How many failures in a row open the circuit."),
            (
                "delivery.circuit_probe_ms",
                "5000",
                "How long an open circuit waits before it is probed, in milliseconds.",
            ),
            (
                "delivery.unavailable_notice",
                "\"The bot cannot be reached at the moment. Your message is kept and will be delivered.\"",
                "What the customer is told, once, when the circuit is open. Empty: nothing.",
            ),
        ],
    },
    RecordGroup {
        title: "Bots of the kind `echo`",
        doc: "`maru bot set ID NAME=VALUE`.",
        settings: &[
            (
                "greeting",
                "\"Hello! Say anything and I will say it back.\"",
                "What someone who comes in is told. Empty: nothing.",
            ),
            ("prefix", "\"Echo: \"", "What stands before the text that is said back."),
        ],
    },
    RecordGroup {
        title: "Bots of the kind `bot-framework`",
        doc: "`maru bot set ID NAME=VALUE`.",
        settings: &[
            (
                "endpoint",
                "none: it must be given",
                "Where activities are posted to; customarily it ends in `/api/messages`.",
            ),
            (
                "callback_version",
                "1",
                "Another number makes another address that the bot calls back, and the old one is refused.",
            ),
            (
                "allow_update_delete",
                "true",
                "Whether the bot may update and delete what it said. The cloud's Direct Line refuses that.",
            ),
            (
                "answer_bytes_max",
                "1048576",
                "The most bytes of the bot's HTTP answer to a delivery.",
            ),
        ],
    },
    RecordGroup {
        title: "Bots of the kind `botkit`",
        doc: "`maru bot set ID NAME=VALUE`. `app_secret=TEXT` (or `env:NAME`, `file:PATH`) takes the secret that a \
              BotKit server has already, `credentials.apikey` there; it is kept sealed and never shown.",
        settings: &[
            (
                "url",
                "none: it must be given",
                "The BotKit server's base URL, its `app.apiPrefix` included.",
            ),
            (
                "bot_id",
                "made with the record",
                "The bot's id there: `st-` and a UUID of version 5.",
            ),
            ("app_id", "made with the record", "The app's id, `credentials.appId` there."),
            ("algorithm", "\"HS256\"", "How tokens are signed, in both directions."),
            (
                "authentication",
                "\"jwt\"",
                "What Maru shows to the server: `jwt`, or `apikey` as old ones want it.",
            ),
            (
                "backend",
                "null",
                "The bot that `sendBotMessage` goes to. Without one the server is told `no_backend_text`.",
            ),
            (
                "backend_timeout_ms",
                "15000",
                "How long the backend's next answer is waited for, in milliseconds. Later ones come with the user's next message.",
            ),
            (
                "no_backend_text",
                "\"There is nobody behind this bot who could answer that.\"",
                "What the bot behind is said to have answered when there is none. Empty: nothing.",
            ),
            (
                "agent_transfer",
                "\"none\"",
                "Who takes over when the server asks for an agent: `none`, or `botkit`: it bridges to its own.",
            ),
            (
                "language",
                "\"en\"",
                "The language that the server is told when the user's is not known.",
            ),
            (
                "events",
                "true",
                "Whether the server is told what is no message: that a user connected, an event, an end.",
            ),
            (
                "bot_messages",
                "true",
                "Whether the server is told what the backend answers, and passes it on; else the user is told it straight away.",
            ),
            (
                "variables",
                "{}",
                "The bot's variables, which the server can ask for: a text, or a text for each language.",
            ),
            (
                "event_bytes_max",
                "102400",
                "The most bytes of an event: all that BotKit's body parser takes.",
            ),
            ("answer_bytes_max", "1048576", "The most bytes of the server's answer to an event."),
        ],
    },
    RecordGroup {
        title: "Bots of the kind `plus-friend`",
        doc: "`maru bot set ID NAME=VALUE`.",
        settings: &[
            (
                "url",
                "none: it must be given",
                "The partner server's base URL, without `/keyboard`.",
            ),
            ("strict", "false", "Whether answers are read as strictly as the original read them."),
            (
                "greeting",
                "\"안녕하세요! 무엇을 도와드릴까요?\"",
                "What somebody who comes in is told; it carries the home keyboard. Empty: nothing.",
            ),
            (
                "no_answer_text",
                "\"지금은 답변을 드릴 수 없습니다. 잠시 후 다시 시도해 주세요.\"",
                "What is said when the partner does not answer, or not in a form that can be read. Empty: nothing.",
            ),
            (
                "outage_text",
                "\"일시적인 장애로 자동응답을 이용할 수 없습니다. 잠시 후 다시 이용해 주세요.\"",
                "What is said instead of calling a partner that is left alone. Empty: nothing.",
            ),
            (
                "no_human_text",
                "\"상담원과의 대화가 불가능한 프로필입니다.\"",
                "What is said once to each user under a home keyboard of buttons, unless `handoff` is set. Empty: nothing.",
            ),
            ("handoff", "false", "Whether humans can be reached through this bot."),
            (
                "phone",
                "null",
                "Whom to alert when the partner fails: the `{{to}}` of the gateway of alerts.",
            ),
            ("outage_failures", "10", "How many failures in a row bring an outage."),
            (
                "daily_failures_max",
                "1000",
                "How many failures a day (of Asia/Seoul) are borne; one more stops the bot until `maru bot restart`.",
            ),
            ("probe_secs", "60", "How often a partner in an outage is probed, in seconds."),
            (
                "answer_timeout_ms",
                "5000",
                "How long the partner may take over a whole answer, in milliseconds.",
            ),
            ("answer_bytes_max", "1048576", "The most bytes of an answer."),
            ("keyboard_cache_secs", "60", "How long the home keyboard is remembered, in seconds."),
            ("keyboard_valid_secs", "600", "How long an answer's keyboard is good, in seconds."),
            (
                "send_media_as",
                "\"native\"",
                "Videos and voice messages are sent as `native` (`video` and `audio`, as the original did) or as `text`.",
            ),
        ],
    },
    RecordGroup {
        title: "Every channel",
        doc: "`maru channel set ID NAME=VALUE`.",
        settings: &[
            ("bot", "none: it must be given", "The bot that its conversations are opened with."),
            (
                "keep_days",
                "none: `retention.days` holds",
                "For how many days what comes in by it is kept.",
            ),
        ],
    },
    RecordGroup {
        title: "Channels of the kind `direct-line`",
        doc: "`maru channel set ID NAME=VALUE`. The two secrets are changed by `maru secret`.",
        settings: &[
            (
                "acknowledge",
                "\"accepted\"",
                "`accepted`: a post is answered once it is on disk. `delivered`: once the bot has taken it, as the \
                 cloud does; it is then handed over at most once.",
            ),
            ("delivered_timeout_secs", "15", "How long such a post waits for the bot, in seconds."),
            (
                "enhanced_authentication",
                "false",
                "Whether user ids bound into tokens must begin with `dl_`, and nobody else's may.",
            ),
            (
                "trusted_origins",
                "[]",
                "The web origins from which browsers may call. Empty: any, unless a token names its own.",
            ),
            ("token_ttl_secs", "1800", "How long a token is good, in seconds."),
            ("activity_bytes_max", "262144", "The most bytes of an activity."),
            ("upload_bytes_max", "4194304", "The most bytes of an upload, all its parts together."),
            ("upload_files_max", "32", "The most files of one upload."),
            (
                "sockets_per_conversation_max",
                "16",
                "The most sockets that are open to one conversation at once.",
            ),
            (
                "keep_alive_secs",
                "30",
                "How often an idle socket is sent an empty frame, in seconds.",
            ),
        ],
    },
    RecordGroup {
        title: "Channels of the kind `kore`",
        doc: "`maru channel set ID NAME=VALUE`. The client secrets are changed by `maru secret`; \
              `client_secret=TEXT` (or `env:NAME`, `file:PATH`) takes one that clients have already. They are kept \
              sealed and never shown.",
        settings: &[
            ("client_id", "made with the record", "The app's public name: assertions' issuer."),
            (
                "algorithms",
                "[\"HS256\"]",
                "How assertions may be signed: of `HS256`, `HS512`, `RS256`, `RS512`. Nothing in a token changes it.",
            ),
            (
                "public_keys",
                "[]",
                "The public keys of those who sign with RS256 or RS512, as PEM texts.",
            ),
            (
                "bots",
                "made with the record",
                "The bots that the app's users talk to: `[{\"id\": \"st-…\", \"bot\": \"echo\", \"name\": \"…\", \
                 \"icon\": \"https://…\"}]`. Without `bot` it is the channel's.",
            ),
            (
                "anonymous",
                "false",
                "Whether users may come without an assertion, under an id of their own choice.",
            ),
            (
                "development_issuer",
                "false",
                "Whether `/api/users/sts` signs assertions. For development only: whoever calls it is whoever they say.",
            ),
            ("token_ttl_secs", "2592000", "How long an access token is good, in seconds."),
            (
                "session_idle_secs",
                "900",
                "After how long without a word a session is over, in seconds.",
            ),
            (
                "theme",
                "null",
                "The theme of the web SDK, as a JSON object. Without one: the SDK's own.",
            ),
            ("frame_bytes_max", "262144", "The most bytes of a client's frame."),
            ("upload_bytes_max", "26214400", "The most bytes of an uploaded file."),
            (
                "sockets_per_user_max",
                "16",
                "The most sockets that one user has open with one bot at once.",
            ),
            ("keep_alive_secs", "30", "How often an idle socket is sent a ping, in seconds."),
            (
                "webhook_wait_secs",
                "15",
                "How long a call of the webhook channel waits for the bot's answers, in seconds.",
            ),
        ],
    },
];
