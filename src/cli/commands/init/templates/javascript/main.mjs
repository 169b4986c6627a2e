import { greeting } from './greeting.mjs';

console.log(greeting(process.argv[2] ?? 'world'));
