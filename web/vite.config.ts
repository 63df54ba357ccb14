/** Two pages from one build: the landing page (`index.html`) and GraphiQL (`graphiql.html`). */
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  base: '/',
  publicDir: false,
  plugins: [react()],
  // The editors of GraphiQL start their workers as modules of this build, so nothing is fetched elsewhere.
  worker: { format: 'es' },
  build: {
    outDir: 'static',
    assetsDir: 'assets',
    emptyOutDir: true,
    // An inlined asset would be a data: address, which the policy sent with the page allows for pictures only.
    assetsInlineLimit: 0,
    target: 'es2022',
    // Monaco alone is larger than the limit; only the GraphiQL page loads it.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: { index: page('index.html'), graphiql: page('graphiql.html') },
      onLog(level, log, report) {
        // The libraries of GraphiQL keep compiler directives that mean nothing to a bundler.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['test/**/*.test.{ts,tsx}'],
  },
});
