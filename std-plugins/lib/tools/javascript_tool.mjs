// What the plugin `javascript` runs: `node javascript_tool.mjs COMMAND ARGUMENT...`. Needs Node 18 and nothing else.
//
//   link TREE NAME DIRECTORY...                  links packages into a `node_modules`
//   install DIRECTORY DIGEST NPM                 what a package-lock.json says, into DIRECTORY/node_modules
//   build TREE DIGEST NPM MANIFEST SCRIPTS WANTED ROOTS NAME DIRECTORY...
//                                                copies the files of a manifest to TREE, links packages into its
//                                                `node_modules`, and runs scripts of npm there. SCRIPTS, WANTED (what the
//                                                scripts must make) and ROOTS are lists in JSON
//
// DIGEST is a file that changes with what was made. Links are relative, so that what is made says the same everywhere.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

function link(tree, ...packages) {
  for (let index = 0; index < packages.length; index += 2) {
    const place = path.join(tree, packages[index]);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.symlinkSync(path.relative(path.dirname(place), packages[index + 1]), place);
  }
}

function install(directory, digest, npm) {
  run(npm, ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], directory);
  const tree = path.join(directory, 'node_modules');
  // A lock may ask for nothing.
  fs.mkdirSync(tree, { recursive: true });
  writeDigest(tree, digest);
}

function build(tree, digest, npm, manifest, scripts, wanted, roots, ...packages) {
  const directories = JSON.parse(roots);
  for (const [root, from, to] of JSON.parse(fs.readFileSync(manifest, 'utf8'))) {
    const place = path.join(tree, to);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.copyFileSync(path.join(directories[root], from), place, fs.constants.COPYFILE_EXCL);
  }
  if (packages.length > 0) {
    link(path.join(tree, 'node_modules'), ...packages);
  }
  for (const script of JSON.parse(scripts)) {
    run(npm, ['run', '--silent', script], tree);
  }
  for (const file of JSON.parse(wanted)) {
    if (!fs.existsSync(path.join(tree, file))) {
      fail(`\`${file}\` is an output of the scripts ${scripts}, and they did not make it`);
    }
  }
  writeDigest(tree, digest);
}

// `npm` may be a script that finds `node` in PATH.
function run(program, args, directory) {
  const { status, signal, error } = spawnSync(program, args, { cwd: directory, stdio: 'inherit' });
  if (error) {
    fail(`Cannot run \`${program}\`: ${error.message}`);
  }
  if (status !== 0) {
    fail(`\`npm ${args.join(' ')}\` ${status === null ? `was ended by ${signal}` : `ended with exit code ${status}`}`);
  }
}

function writeDigest(tree, file) {
  const hash = createHash('sha256');
  for (const [name, content] of entries(tree, '')) {
    hash.update(`${name}\0${createHash('sha256').update(content).digest('hex')}\n`);
  }
  fs.writeFileSync(file, `${hash.digest('hex')}\n`);
}

// Every file and link below a directory, in order.
function* entries(tree, below) {
  const found = fs.readdirSync(path.join(tree, below), { withFileTypes: true });
  found.sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const entry of found) {
    const name = path.join(below, entry.name);
    if (entry.isDirectory()) {
      yield* entries(tree, name);
    } else if (entry.isSymbolicLink()) {
      yield [name, fs.readlinkSync(path.join(tree, name))];
    } else {
      yield [name, fs.readFileSync(path.join(tree, name))];
    }
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

const [command, ...rest] = process.argv.slice(2);
({ link, install, build })[command](...rest);
