// The suites, and the time that each may take on an ordinary machine of two cores, in seconds. A suite that takes longer
// is told so; it does not fail, since how fast a machine is proves nothing about the server.

export const SUITES = {
  'direct-line': { budgetSeconds: 240 },
  examples: { budgetSeconds: 60 },
};
