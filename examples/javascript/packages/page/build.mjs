import { mkdirSync, writeFileSync } from 'node:fs';

import { greet } from '@example/greeting';

mkdirSync('dist', { recursive: true });
writeFileSync('dist/index.html', `<!doctype html>\n<title>${greet('world')}</title>\n`);
