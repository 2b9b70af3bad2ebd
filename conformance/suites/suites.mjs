// The suites, and the time that each may take on an ordinary machine of two cores, in seconds. A suite that takes longer
// is told so; it does not fail, since how fast a machine is proves nothing about the server.

/**
 * `byName` are suites that run only when they are asked for. `filesAtOnce` is how many files run at once, two if not said:
 * each has a server and bots of its own.
 */
export const SUITES = {
  'direct-line': { budgetSeconds: 240 },
  kore: { budgetSeconds: 240 },
  kakao: { budgetSeconds: 120 },
  chatflow: { budgetSeconds: 120 },
  'web-chat': { budgetSeconds: 240 },
  cluster: { budgetSeconds: 240 },
  examples: { budgetSeconds: 60 },
  'cluster-battery': { budgetSeconds: 1_800, filesAtOnce: 1, byName: true },
};
