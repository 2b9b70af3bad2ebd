//! The settings of bots, kind by kind.

use super::RecordGroup;

pub(super) const GROUPS: &[RecordGroup] = &[
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
        title: "Bots of the kind `chatflow`",
        doc: "`maru bot set ID NAME=VALUE`.",
        settings: &[
            (
                "app",
                "none: it must be given",
                "The app's public handle. The app may be made later.",
            ),
            (
                "handoff",
                "true",
                "Whether somebody takes users over at a handoff node. If not, the scenario goes on at once, by the node's `on_error`.",
            ),
            (
                "greet",
                "true",
                "Whether whoever comes in is greeted by the entry node before they say anything.",
            ),
            (
                "end_of_conversation",
                "true",
                "Whether the end of a session is said to the channel as `endOfConversation`.",
            ),
            (
                "failure_notice",
                "\"Sorry, that did not work. Please try again.\"",
                "What the customer is told when their message was not answered. Empty: nothing.",
            ),
            (
                "refusal_notice",
                "\"Sorry, I cannot take that here.\"",
                "What the customer is told when the node where they are does not take what they sent. Empty: nothing.",
            ),
        ],
    },
];
