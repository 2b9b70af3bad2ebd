import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'nx-web-api', include: ['nx-web-api/test/**/*.test.ts'] } },
      {
        plugins: [svelte({ configFile: false })],
        resolve: { conditions: ['browser'] },
        test: { name: 'pages', environment: 'happy-dom', include: ['{webchat,agent}/test/**/*.test.ts'] },
      },
    ],
  },
});
