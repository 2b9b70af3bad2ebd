// What the pages of this workspace build upon.

export { browserSession } from './browser';
export { MAX_EXTRA, MAX_FILES, MAX_FILE_NAME, contentOf, isWebAddress, lengthOf } from './content';
export { type Content, type From, MAX_TEXT, type Party, type Send, isObject } from './frames';
export { isDn, isRealm, isTel, socketAddress } from './grammar';
export type { Happening, Message, PartyChange } from './happening';
export type { Call, Unsent } from './ports';
export type { Session } from './session';
export { type FileEntry, shortName, uploadFile } from './upload';
