import assert from 'node:assert/strict';
import test from 'node:test';

import { greet } from '@example/greeting';

test('people are greeted by name', () => {
  assert.equal(greet('Ada'), 'Hello, Ada!');
});
