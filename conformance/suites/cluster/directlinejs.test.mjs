// botframework-directlinejs to three nodes, through a proxy that sends each request to the next of them.

import { Cluster } from '../../lib/cluster.mjs';
import { playDirectlinejs } from '../../plays/directlinejs.mjs';

for (const webSocket of [true, false]) playDirectlinejs({ webSocket, where: ', round robin', server: Cluster.start });
