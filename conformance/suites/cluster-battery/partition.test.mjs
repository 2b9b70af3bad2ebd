// Row 10: partitions between a node and the store.

import { drawn, roundsOf } from '../../lib/battery.mjs';
import { playPartition } from '../../plays/partition.mjs';

playPartition({ seconds: Array.from({ length: roundsOf(20) }, () => drawn(1, 60)) });
