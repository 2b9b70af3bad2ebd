// The desk's wire, `nxdesk.v1`, as far as this page reads it (crates/desk/WIRE.md).

/** The subprotocol that the socket asks for. */
export const SUBPROTOCOL = 'nxdesk.v1';

/** The envelope. */
export interface Frame {
  t: string;
  i?: string;
  r?: string;
  c?: string;
  d?: Record<string, unknown>;
}

export type Phase = 'offered' | 'mine' | 'held' | 'waiting' | 'wrapup';

/** A chat as it stands for this agent. Times are RFC 3339. */
export interface Chat {
  c: string;
  /** Counts its owners and offers: who accepts says which offer. */
  epoch: number;
  phase: Phase;
  /** When the offer, or the time for writing up, is over. */
  deadline?: string;
  /** Since when it has been so; of one that waits or is offered: since when the customer has waited. */
  since: string;
  customer: Customer;
  /** The number that was dialed. */
  dn: string;
  group?: string;
  virtualAgent?: string;
  /** The number to which it is being given. */
  transfer?: string;
  /** Since when the customer's link has been broken. */
  customerLost?: string;
  /** The next seq of its log. */
  head: number;
}

export interface Customer {
  id: string;
  name?: string;
  verified: boolean;
  locale?: string;
  context: Record<string, unknown>;
}

export interface From {
  kind: 'customer' | 'agent' | 'bot' | 'system';
  dn?: string;
  name?: string;
}

/** Something in a chat's log. */
export interface Entry {
  seq: number;
  /** Its number in the customer's stream; none if the customer does not see it. */
  s?: number;
  /** The same as before: it is what that entry has become. */
  id: string;
  at: string;
  kind: 'message' | 'deleted' | 'status' | 'end';
  from: From;
  send: 'BOTH' | 'AGENT' | 'CUSTOMER';
  mid?: string;
  content?: Content;
  /** Further contents of the same message. */
  more?: Content[];
  status?: Status;
}

/** How a call stands. */
export interface Status {
  state: string;
  code: number;
  message: string;
  party?: { dn: string; name: string; kind: 'agent' | 'bot' };
  virtualAgent?: string;
  by?: string;
}

/** What is said: text, files, links, or a scenario's menu. */
export interface Content {
  type?: string;
  message?: string;
  file_data?: FileData[];
  links?: LinkData[];
  TYPE?: string;
  NAME?: string;
  MESSAGE?: unknown;
  [more: string]: unknown;
}

export interface FileData {
  name: string;
  size?: number | string;
  url: string;
  mime_type?: string;
  preview_url?: string;
}

export interface LinkData {
  name: string;
  type: 'text' | 'link';
  url?: string;
  extra?: string;
}

export interface Me {
  dn: string;
  name: string;
  login: string;
  realm: string;
  roles: string[];
}

/** Whether the agent takes chats. */
export interface Readiness {
  ready: boolean;
  /** `missed`: the server set the agent not ready. */
  reason?: string;
  since: string;
  /** How many chats the agent is given at once. */
  max: number;
}

/** A number that a chat can be given to. */
export interface Dn {
  dn: string;
  name: string;
  kind: 'agent' | 'group' | 'virtual';
  free: number;
}

export interface Stats {
  group: string;
  waiting: number;
  longest_s: number;
}

export interface Limits {
  /** The most Unicode characters of a message. */
  msg: number;
  comment: number;
  /** The most bytes of a file. */
  file: number;
  files: number;
}

/** All that the server has to say, at once. */
export interface Snapshot {
  me: Me;
  state: Readiness;
  chats: Chat[];
  dns: Dn[];
  stats: Stats[];
  limits: Limits;
  hb: number;
  now: string;
  upload: { url: string };
}

/** A frame of the server; `undefined` if it is none. */
export function parseFrame(data: unknown): Frame | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const frame = JSON.parse(data) as Frame | null;
    return typeof frame?.t === 'string' ? frame : undefined;
  } catch {
    return undefined;
  }
}
