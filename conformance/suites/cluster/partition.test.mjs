// Two rounds of what `cluster-battery` plays at length.

import { playPartition } from '../../plays/partition.mjs';

playPartition({ seconds: [7, 7] });
