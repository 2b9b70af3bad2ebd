// botframework-directlinejs to one Maru.

import { playDirectlinejs } from '../../plays/directlinejs.mjs';

for (const webSocket of [true, false]) playDirectlinejs({ webSocket });
