import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Nothing inline: the pages are served under a content security policy without 'unsafe-inline'.
  build: {
    target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1200,
    rolldownOptions: { input: { meeting: 'index.html', admin: 'admin/index.html' } },
  },
});
