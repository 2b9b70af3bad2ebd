import { defineConfig } from 'vite';

// One script file with one global, for pages that have no build of their own.
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2019',
    outDir: '../dist',
    emptyOutDir: false,
    lib: {
      entry: 'src/index.ts',
      name: 'nxWebApi',
      formats: ['iife'],
      fileName: () => 'nxWebApi.js',
    },
  },
});
