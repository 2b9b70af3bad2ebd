//! The settings of channels, kind by kind.

use super::RecordGroup;

pub(super) const GROUPS: &[RecordGroup] = &[
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
    RecordGroup {
        title: "Channels of the kind `kakao-plus-friend`",
        doc: "`maru channel set ID NAME=VALUE`.",
        settings: &[
            (
                "id",
                "made with the record",
                "The public id in its paths: `/kakao/plus-friend/{id}/…`.",
            ),
            (
                "home_keyboard",
                "[]",
                "The buttons that a user sees on coming in. None: a field to write in.",
            ),
            (
                "callers",
                "[]",
                "Who may call: addresses, networks, or `kakao` for the platform's three. Anybody, if there is none.",
            ),
            (
                "budget_ms",
                "4000",
                "How long the bot may take before the user is asked for patience, in milliseconds.",
            ),
            (
                "waiting_text",
                "\"답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 주세요.\"",
                "What a user is told while the bot is still at work.",
            ),
            (
                "waiting_button",
                "\"답변 확인\"",
                "The button below it, by which the user asks again.",
            ),
            (
                "failed_text",
                "\"지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요.\"",
                "What a user is told when the bot failed.",
            ),
            (
                "unreadable_text",
                "\"이해할 수 없는 메시지입니다. 글로 말씀해 주세요.\"",
                "What a user is told whose message cannot be read.",
            ),
            (
                "media_hosts",
                "[\"kakao.com\",\"kakaocdn.net\"]",
                "The hosts that users' media are fetched from.",
            ),
            ("media_bytes_max", "10485760", "The most bytes of a medium that is fetched."),
        ],
    },
    RecordGroup {
        title: "Channels of the kind `kakao-skill`",
        doc: "`maru channel set ID NAME=VALUE`. The secrets are changed by `maru secret`; `event_rest_key=TEXT` (or `env:NAME`, `file:PATH`) takes the key of the Event API, which is kept sealed.",
        settings: &[
            ("id", "made with the record", "The public id in its path: `/kakao/skill/{id}`."),
            ("secret_header", "\"x-maru-secret\"", "The header that shows the secret."),
            (
                "callers",
                "[]",
                "Who may call: addresses and networks. Anybody, if there is none; Kakao documents none.",
            ),
            (
                "budget_ms",
                "4000",
                "How long the bot may take before the user is asked for patience, in milliseconds.",
            ),
            (
                "waiting_text",
                "\"답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 주세요.\"",
                "What a user is told while the bot is still at work.",
            ),
            (
                "waiting_button",
                "\"답변 확인\"",
                "The button below it, by which the user asks again.",
            ),
            (
                "failed_text",
                "\"지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요.\"",
                "What a user is told when the bot failed.",
            ),
            (
                "unreadable_text",
                "\"이해할 수 없는 메시지입니다. 글로 말씀해 주세요.\"",
                "What a user is told whose message cannot be read.",
            ),
            (
                "callback",
                "true",
                "Whether a late answer is called back with, where Kakao allows it.",
            ),
            ("callback_wait_secs", "50", "How long such an answer is waited for, in seconds."),
            ("callback_hosts", "[\"kakao.com\"]", "The hosts that may be called back."),
            ("event_bot_id", "\"\"", "The bot's id in the Event API."),
            (
                "event_name",
                "\"\"",
                "The event that shows what the bot says later, as the deployed bot calls it. Without it, the id and the key nothing is pushed.",
            ),
            ("event_url", "\"https://bot-api.kakao.com\"", "Where the Event API is."),
            (
                "media_hosts",
                "[\"kakao.com\",\"kakaocdn.net\"]",
                "The hosts that users' media are fetched from.",
            ),
            ("media_bytes_max", "10485760", "The most bytes of a medium that is fetched."),
        ],
    },
    RecordGroup {
        title: "Channels of the kind `naver-talktalk`",
        doc: "`maru channel set ID NAME=VALUE`. `send_key=TEXT` (or `env:NAME`, `file:PATH`) takes the key of the send API, `Authorization` in TalkTalk's partner center; it is kept sealed.",
        settings: &[
            ("id", "made with the record", "The public id in its path: `/naver/{id}`."),
            (
                "callers",
                "[]",
                "Who may call: addresses, networks, or `naver` for TalkTalk's own. Anybody who knows the path, if there is none.",
            ),
            (
                "handover",
                "false",
                "Whether a bot's `handoff.initiate` gives the user to a human in TalkTalk.",
            ),
            (
                "failed_text",
                "\"지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요.\"",
                "What a user is told whose words cannot be kept now.",
            ),
            (
                "media_hosts",
                "[\"naver.com\",\"naver.net\",\"pstatic.net\"]",
                "The hosts that users' pictures are fetched from.",
            ),
            ("media_bytes_max", "20971520", "The most bytes of a picture that is fetched."),
            ("api_url", "\"https://gw.talk.naver.com\"", "Where the send API is."),
        ],
    },
    RecordGroup {
        title: "Channels of the kind `web-chat`",
        doc: "`maru channel set ID NAME=VALUE`. The signing secrets are changed by `maru secret`; `signing_secret=TEXT` (or `env:NAME`, `file:PATH`) takes one that the site signs with already. They are kept sealed and never shown.",
        settings: &[
            (
                "realm_names",
                "[]",
                "The names that pages may call the realm by, such as `nexuscommunity.net`. None: the realm's own id.",
            ),
            (
                "origins",
                "[]",
                "The web origins whose pages may connect, such as `https://shop.example.org`. None: those of this server's own host, whatever their port. `*`: any.",
            ),
            (
                "identity",
                "\"off\"",
                "Whether customers prove who they are by a token: `off` (tokens are not looked at), `optional` (who shows one is verified by it, or refused), `required`.",
            ),
            (
                "status_space",
                "true",
                "Whether `nxWebApi.js` says `\" i_ao_request\"` with the leading space of the vendor's documents.",
            ),
            ("text_max", "4000", "The longest text of a message, in Unicode scalar values."),
            ("file_bytes_max", "10485760", "The most bytes of a file."),
            (
                "file_hosts",
                "[]",
                "The hosts whose files a message may name beside what was uploaded here. None: any.",
            ),
        ],
    },
];
