// nxWebApi.js declares one global. Beside the documented functions stand those that a page may use and need not.

/** The callback's argument is the JSON of an event: see `NxEvent`. */
type NxCallback = (jsonString: string) => void;

/** Who may see a message. In any case; `BOTH` if it is left out. */
type NxSendType = 'BOTH' | 'AGENT' | 'CUSTOMER';

/** 0: done, or begun. -1: not. */
type NxResult = 0 | -1;

interface NxFile {
  /** 28 characters at most. */
  name: string;
  size?: number | string;
  /** http or https. */
  url: string;
  mime_type?: string;
  /** Of one file of a message at most. */
  preview_url?: string;
}

interface NxLink {
  name: string;
  /** `text`: pressing it says its name, and hands on `extra`. `link`: it leads to `url`. */
  type: 'text' | 'link';
  url?: string;
  /** 100 characters at most. */
  extra?: string;
}

/** What may be said. */
type NxMessage =
  | { type: 'text'; message: string; file_data?: []; extra?: string }
  | { type: 'file'; message?: string; file_data: NxFile[] }
  | { type: 'links'; message: string; links: NxLink[] }
  | { TYPE: 'SCENARIO'; MESSAGE: { SCENARIO?: string; KEYWORD: string; MENU_ID: string } };

/** A step of a scenario, as it comes in. */
interface NxScenario {
  TYPE: 'SCENARIO';
  NAME: string;
  MESSAGE: {
    KEYWORD: string;
    MENU_ID: string;
    TITLE: string;
    TYPE: 'CONTENT';
    NAME: string;
    URL?: string;
    DESC: string;
    COUNT_BUTTONS: number;
    BUTTONS: { KEYWORD: string; MENU_ID: string; TITLE: string; TEXT: string }[];
    TAIL: { KEYWORD: string; MENU_ID: string }[];
    COUNT_TAIL: number;
    /** To be said in the answer; `CHAT` if it is not there. */
    SCENARIO?: string;
  };
}

/** Who answers. */
interface NxParty {
  dn: string;
  name: string;
  kind: 'agent' | 'bot';
}

interface NxCallData<Status extends string> {
  status: Status;
  desc: string;
  /** The number that was dialed, whoever answers. */
  dn: string;
  /** Counts the calls of the page. */
  id: number;
}

interface NxExtra {
  Cid: string;
  id: number;
  dn: string;
}

/** An event. Those of the kind `NX` are beyond the documents: a page may pass them over. */
type NxEvent =
  | { Type: 'SetCallBack'; Data: { result: 'Success' } }
  | { Kind: 'SIP'; Type: 'Connecting'; Data: NxCallData<'connecting'> }
  | { Kind: 'SIP'; Type: 'Trying' | 'Ringing'; Data: NxCallData<' i_ao_request' | 'i_ao_request'> }
  | { Kind: 'SIP'; Type: 'InCall'; Data: NxCallData<'connected'> }
  /** The end, or the failure: `desc` says which (`Call terminated`, `Busy Here`, `Not Found`, `Request Timeout` …). */
  | { Kind: 'SIP'; Type: 'Clear'; Data: NxCallData<'terminated'> }
  | {
      Kind: 'SIP';
      Type: 'Message_C';
      Data: {
        /** `i_customs_message_send`: the server has it. */
        status: 'i_customs_message' | 'i_customs_message_send';
        desc: string;
        content: NxMessage | NxScenario;
        /** `customer`, or the number of the agent or the bot. */
        dn: string;
        Cid: string;
        /** Empty if no bot took the call. */
        virtualAgent: string;
      };
    }
  | { Kind: 'NX'; Type: 'ChatInfo'; Data: NxExtra }
  | { Kind: 'NX'; Type: 'Queue'; Data: NxExtra & { position: number | null; ahead: number | null; eta: number | null } }
  | { Kind: 'NX'; Type: 'Forwarded'; Data: NxExtra & { desc: string; party: NxParty | null } }
  | {
      Kind: 'NX';
      Type: 'Party';
      Data: NxExtra & { status: 'joined' | 'left' | 'transferred' | 'held' | 'resumed'; party: NxParty | null };
    }
  | { Kind: 'NX'; Type: 'Typing'; Data: NxExtra & { on: boolean; from: string } }
  | { Kind: 'NX'; Type: 'Read'; Data: NxExtra & { upto: number; from: string } }
  | { Kind: 'NX'; Type: 'MessageFailed'; Data: NxExtra & { code: string; desc: string; content: NxMessage } }
  | { Kind: 'NX'; Type: 'Reconnecting' | 'Reconnected'; Data: NxExtra & { unsent: number } };

interface NxWebApi {
  /** Registers the page's callback; raises `SetCallBack` before it returns. */
  SetCallBack(callback: NxCallback): NxResult;
  /** Begins a chat. How it goes on comes by events. */
  connectChat(
    realm: string,
    dn_number: string,
    tel_number: string,
    url: string,
    options?: { /** Signed by your server: who the customer is. */ token?: string; lang?: string; first?: NxMessage },
  ): NxResult;
  /** Ends the chat that was answered last, or the one with this Cid. */
  Clear(cid?: string): NxResult;
  /** Says something in the chat that was answered last. */
  Message_C(message: string | NxMessage, sendtype?: NxSendType | Lowercase<NxSendType> | ''): NxResult;
  /** Says something in one of several chats. `type` has no meaning. */
  Message_CToSelect(
    cid: string,
    message: string | NxMessage,
    type?: string,
    sendType?: NxSendType | Lowercase<NxSendType> | '',
  ): NxResult;

  /** The chats that are not over. */
  getChats(): { Cid: string; id: number; dn: string; inCall: boolean; unsent: number }[];
  /** Whether the customer is typing; to be called as often as they do. */
  typing(cid: string, on: boolean): NxResult;
  /** The customer has seen all there is. */
  read(cid: string): NxResult;
  /** What was said before, oldest first, as `Message_C` events; at most 100 at a time. */
  history(cid: string, before?: number, n?: number): Promise<{ messages: NxEvent[]; more: boolean }>;
  /** Sends a file to the server; what comes back goes into the `file_data` of a message. */
  upload(cid: string, file: File, progress?: (share: number) => void): Promise<NxFile>;
  /** Rates a chat from 1 to 5, also when it is over. */
  csat(cid: string, score: number, text?: string): Promise<NxResult>;
  /** `statusSpace: false` drops the documented blank before `i_ao_request`. */
  setOptions(options: { statusSpace?: boolean }): void;
}

declare const nxWebApi: NxWebApi;
