import { greet } from '@example/greeting';

const names = process.argv.slice(2);
for (const name of names.length === 0 ? ['world'] : names) {
  console.log(greet(name));
}
