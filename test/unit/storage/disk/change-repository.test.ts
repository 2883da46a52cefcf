import fs from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { ImportChange } from '../../../../src/core/import/import.ts'
import { UnsafePathError } from '../../../../src/core/storage/relative-path.ts'
import { changeRepository } from '../../../../src/storage/disk/change-repository.ts'
import { recoverStagedDeletions } from '../../../../src/storage/disk/staged-deletion.ts'
import { contentsOf, writeFiles } from '../../../support/depot.ts'
import { openFilesBelow } from '../../../support/open-files.ts'
import type { Files } from '../../../support/packages.ts'

interface Prepared {
  readonly outer: string
  readonly root: string
  readonly staging: string
  change(...changes: ImportChange[]): ReturnType<typeof changeRepository>
}

/** A repository, staged files, and a directory outside both. */
function prepareIn(directory: string, files: Files, staged: Files): Prepared {
  const [root, staging] = [path.join(directory, 'repository'), path.join(directory, 'repository/.staging')]
  fs.mkdirSync(staging, { recursive: true })
  fs.mkdirSync(path.join(directory, 'outside'), { recursive: true })
  writeFiles(root, files)
  writeFiles(staging, staged)
  return { outer: directory, root, staging, change: (...changes) => changeRepository(root, staging, changes) }
}

const prepare = (t: Test, files: Files, staged: Files) => prepareIn(fs.realpathSync(t.testdir()), files, staged)

/** All files and directories by path, with the facts that a rename does not change. */
function treeOf(directory: string): Record<string, string> {
  const names = (fs.readdirSync(directory, { recursive: true }) as string[]).sort()
  return Object.fromEntries(
    names.map((name) => {
      const file = path.join(directory, name)
      const { ino, mtimeMs, mode } = fs.lstatSync(file)
      const type = mode & fs.constants.S_IFMT
      if (type === fs.constants.S_IFDIR) return [name, 'directory']
      if (type === fs.constants.S_IFLNK) return [name, `link to ${fs.readlinkSync(file)}`]
      return [name, `${ino} of ${mtimeMs}: ${fs.readFileSync(file, 'utf8')}`]
    })
  )
}

const comes = (name: string, staged = name): ImportChange => ({ path: name, staged })
const goes = (name: string): ImportChange => ({ path: name, staged: undefined })

t.test('files are added, replaced and removed, and a commit removes the replaced ones', async (t) => {
  const files = { 'a.xml': 'old', 'sub/b.bin': 'b', 'gone/deep/c.bin': 'c', 'keep.bin': 'k' }
  const { root, change } = prepare(t, files, { 'a.xml': 'new', 'x/y.bin': 'y' })
  const former = fs.statSync(path.join(root, '.staging/a.xml'))
  const made = change(goes('gone/deep/c.bin'), comes('new/deep/y.bin', 'x/y.bin'), comes('a.xml'))
  t.match(fs.statSync(path.join(root, 'a.xml')), { ino: former.ino, mtimeMs: former.mtimeMs }, 'it is not copied')
  made.commit()
  t.same(contentsOf(root), { 'a.xml': 'new', 'sub/b.bin': 'b', 'keep.bin': 'k', 'new/deep/y.bin': 'y' })
  t.same(fs.readdirSync(root).sort(), ['.staging', 'a.xml', 'keep.bin', 'new', 'sub'])
  t.equal(fs.statSync(path.join(root, 'new/deep')).mode & 0o007, 0, 'a new directory is not for everybody')
  t.same(openFilesBelow(root), [])
})

t.test('a rollback restores all files, directories and times', async (t) => {
  const files = { 'a.xml': 'old', 'sub/b.bin': 'b' }
  const { root, change } = prepare(t, files, { 'a.xml': 'new', 'y.bin': 'y', 'z.bin': 'z' })
  fs.utimesSync(path.join(root, 'a.xml'), 1_000_000_000, 1_000_000_000)
  fs.symlinkSync('sub/b.bin', path.join(root, 'link'))
  fs.mkdirSync(path.join(root, 'empty'))
  const before = treeOf(root)
  change(goes('sub/b.bin'), comes('a.xml'), comes('new/deep/y.bin', 'y.bin'), comes('empty/z.bin', 'z.bin')).rollback()
  t.same(treeOf(root), before)
  change(goes('link'), comes('link/y.bin', 'y.bin')).rollback()
  t.same(treeOf(root), before, 'also where a directory has taken the place of a file')
})

t.test('a rollback keeps created directories that contain other files meanwhile', async (t) => {
  const { root, change } = prepare(t, {}, { 'y.bin': 'y' })
  const made = change(comes('new/deep/y.bin', 'y.bin'))
  fs.writeFileSync(path.join(root, 'new/theirs'), 'theirs')
  made.rollback()
  t.same(contentsOf(root), { '.staging/y.bin': 'y', 'new/theirs': 'theirs' })
  t.notOk(fs.existsSync(path.join(root, 'new/deep')))
})

t.test('a rollback restores the other files when one was removed meanwhile', async (t) => {
  const { root, change } = prepare(t, { a: 'old a', b: 'old b', c: 'old c' }, { a: 'new a', b: 'new b' })
  const made = change(goes('c'), comes('a'), comes('b'))
  fs.rmSync(path.join(root, 'b'))
  made.rollback()
  t.same(contentsOf(root), { '.staging/a': 'new a', a: 'old a', b: 'old b', c: 'old c' })
})

t.test('a change that was made already is skipped, and its result is kept', async (t) => {
  const { root, change } = prepare(t, { 'a.xml': 'new' }, { b: 'b' })
  change(goes('gone.bin'), comes('b'), comes('a.xml')).commit()
  t.same(contentsOf(root), { 'a.xml': 'new', b: 'b' })
  const before = treeOf(root)
  change(goes('gone.bin'), comes('b'), comes('a.xml')).rollback()
  t.same(treeOf(root), before)
})

t.test('an unsafe name changes nothing', async (t) => {
  const { outer, root, change } = prepare(t, { a: 'old', b: 'b' }, { a: 'new' })
  fs.writeFileSync(path.join(outer, 'outside/c'), 'c')
  const before = treeOf(outer)
  for (const name of ['../outside/c', '/etc/passwd', 'x/../../outside/c', '..', 'a\\b']) {
    t.throws(() => change(goes('b'), comes('a'), goes(name)), UnsafePathError, `${name} goes`)
    t.throws(() => change(goes('b'), comes(name, 'a')), UnsafePathError, `${name} comes`)
    t.throws(() => change(goes('b'), comes('a', name)), UnsafePathError, `${name} is staged`)
    t.same(treeOf(outer), before)
  }
  t.same(fs.readdirSync(root).sort(), ['.staging', 'a', 'b'])
})

t.test('links on the path are followed if they stay inside', async (t) => {
  const { outer, root, change } = prepare(t, { 'real/a': 'old' }, { a: 'new', b: 'b' })
  fs.symlinkSync('real', path.join(root, 'link'))
  fs.symlinkSync(root, path.join(outer, 'entrance'))
  const before = treeOf(root)
  const made = changeRepository(path.join(outer, 'entrance'), path.join(root, '.staging'), [
    comes('link/a', 'a'),
    comes('link/deep/b', 'b')
  ])
  t.match(contentsOf(root), { 'real/a': 'new', 'real/deep/b': 'b' })
  made.rollback()
  t.same(treeOf(root), before)
  change(comes('link/a', 'a')).commit()
  t.match(treeOf(root), { link: 'link to real', 'real/a': / new$/ })
})

t.test('links that lead outside, are broken or circular change nothing and create nothing', async (t) => {
  const { outer, root, change } = prepare(t, { a: 'old' }, { a: 'new', b: 'b' })
  fs.symlinkSync('../outside', path.join(root, 'out'))
  fs.symlinkSync('out', path.join(root, 'out-in-two-steps'))
  fs.symlinkSync('../outside/not-there', path.join(root, 'broken'))
  fs.symlinkSync('circle', path.join(root, 'circle'))
  const before = treeOf(outer)
  for (const name of ['out/b', 'out/deep/b', 'out-in-two-steps/b']) {
    t.throws(() => change(comes('a'), comes(name, 'b')), UnsafePathError, name)
    t.same(treeOf(outer), before, name)
  }
  for (const name of ['broken/b', 'broken/deep/er/b', 'circle/b', 'circle/deep/b']) {
    t.throws(() => change(comes('a'), comes(name, 'b')), { code: /^(ENOENT|ELOOP)$/ }, name)
    t.same(treeOf(outer), before, name)
  }
})

t.test('a link in place of a file is replaced, and its target is left alone', async (t) => {
  const { outer, root, change } = prepare(t, { 'target.bin': 'target' }, { a: 'a', b: 'b' })
  fs.writeFileSync(path.join(outer, 'outside/secret'), 'secret')
  fs.symlinkSync('target.bin', path.join(root, 'inside'))
  fs.symlinkSync('../outside/secret', path.join(root, 'out'))
  const before = treeOf(outer)
  change(comes('inside', 'a'), comes('out', 'b')).rollback()
  t.same(treeOf(outer), before)
  change(comes('inside', 'a'), comes('out', 'b')).commit()
  t.same(contentsOf(outer), {
    'outside/secret': 'secret',
    'repository/inside': 'a',
    'repository/out': 'b',
    'repository/target.bin': 'target'
  })
})

t.test('a directory in place of a file is neither replaced nor removed', async (t) => {
  const { root, change } = prepare(t, { a: 'old', 'full/theirs': 'theirs' }, { a: 'new', b: 'b' })
  fs.mkdirSync(path.join(root, 'empty'))
  const before = treeOf(root)
  for (const name of ['full', 'empty']) {
    t.throws(() => change(comes('a'), comes(name, 'b')), { code: 'EISDIR' }, name)
    t.same(treeOf(root), before)
  }
  change(goes('full'), goes('empty')).commit()
  t.same(treeOf(root), before)
})

t.test('a file where a directory is needed changes nothing', async (t) => {
  const { root, change } = prepare(t, { a: 'old', file: 'x' }, { a: 'new', b: 'b' })
  const before = treeOf(root)
  for (const name of ['file/b', 'file/deep/b', 'a/b', `${'long'.repeat(100)}/b`]) {
    t.throws(() => change(comes('a'), comes(name, 'b')), { code: /^(EEXIST|ENOTDIR|ENAMETOOLONG)$/ }, name)
    t.same(treeOf(root), before, name)
  }
})

t.test('a repository that does not exist is an error', async (t) => {
  const { outer, root } = prepare(t, {}, { a: 'a' })
  t.throws(() => changeRepository(path.join(outer, 'absent'), path.join(root, '.staging'), [comes('a')]), {
    code: 'ENOENT'
  })
  t.same(contentsOf(root), { '.staging/a': 'a' })
})

const FAILING = ['renameSync', 'mkdirSync', 'openSync', 'fsyncSync', 'mkdtempSync'] as const

/**
 * Makes one of the system calls fail.
 * @param isLast all calls after it fail too, as for a process that dies
 * @returns the number of calls
 */
function failAt(step: number, work: () => void, isLast = false): number {
  let calls = 0
  for (const name of isLast ? ([...FAILING, 'rmSync', 'rmdirSync'] as const) : FAILING) {
    const real = fs[name] as (...args: unknown[]) => unknown
    mock.method(fs, name, (...args: unknown[]) => {
      calls += 1
      if (calls === step || (isLast && calls > step)) throw Object.assign(new Error(`EIO: ${name}`), { code: 'EIO' })
      return real(...args)
    })
  }
  try {
    work()
  } finally {
    mock.restoreAll()
  }
  return calls
}

t.test('after any failed system call everything is as before, and no file stays open', async (t) => {
  const files = { 'a.xml': 'old', 'sub/b': 'b', 'file/c': 'c' }
  const { root, change } = prepare(t, files, { 'a.xml': 'new', y: 'y', z: 'z', v: 'v' })
  const changes = [
    goes('sub/b'),
    goes('file/c'),
    comes('new/deep/y', 'y'),
    comes('new/er/z', 'z'),
    comes('file/c/v', 'v'),
    comes('a.xml')
  ]
  const before = treeOf(root)
  let made: ReturnType<typeof changeRepository> | undefined
  const steps = failAt(0, () => {
    made = change(...changes)
  })
  t.ok(steps > 15, `${steps} steps`)
  made?.rollback()
  t.same(treeOf(root), before)
  for (let step = 1; step <= steps; step += 1) {
    failAt(step, () => t.throws(() => change(...changes), { code: 'EIO' }, `step ${step}`))
    t.same(treeOf(root), before, `step ${step}`)
    t.same(openFilesBelow(root), [], `step ${step}`)
  }
})

const segment = fc.constantFrom('a', 'b', 'c')
const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const names = (maxLength: number) => fc.uniqueArray(name, { maxLength })
/** Files of a repository; none has the path of another one's directory. */
const tree = names(8).map((all) => all.filter((one) => !all.some((other) => other.startsWith(`${one}/`))))
const change = fc.record({ path: name, kind: fc.constantFrom('comes', 'goes', 'is there already') })
const changes = fc.uniqueArray(change, { maxLength: 8, selector: (change) => change.path })
/** The files of a scenario, its changes, and the system call that fails. */
const scenario = fc.record({ tree, changes, step: fc.nat(40) })
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never

const stagedAs = (name: string) => `s/${name.replaceAll('/', '-')}`

/** In a separate directory. */
function layOut(
  directory: string,
  { tree, changes }: Scenario
): Prepared & { readonly changes: readonly ImportChange[] } {
  const files = Object.fromEntries(tree.map((name) => [name, `old ${name}`]))
  const staged = changes.filter(({ kind }) => kind === 'comes')
  fs.rmSync(directory, { recursive: true, force: true })
  return {
    ...prepareIn(directory, files, Object.fromEntries(staged.map(({ path: name }) => [stagedAs(name), `new ${name}`]))),
    changes: changes.map(({ path: name, kind }) => (kind === 'goes' ? goes(name) : comes(name, stagedAs(name))))
  }
}

/** The expected files; undefined when one would have the path of a present or former directory. */
function outcomeOf({ tree, changes }: Scenario): Record<string, string> | undefined {
  const files = new Map(tree.map((name) => [name, `old ${name}`]))
  for (const { path: name, kind } of changes) if (kind !== 'is there already') files.delete(name)
  for (const { path: name, kind } of changes) if (kind === 'comes') files.set(name, `new ${name}`)
  const isDirectory = (name: string) => [...files.keys(), ...tree].some((other) => other.startsWith(`${name}/`))
  const isPossible = [...files.keys()].every((name) => !isDirectory(name))
  return isPossible ? Object.fromEntries([...files].sort(([left], [right]) => (left < right ? -1 : 1))) : undefined
}

/** The changes, or undefined when they have thrown. */
function areMade({ change, changes }: ReturnType<typeof layOut>): ReturnType<typeof changeRepository> | undefined {
  try {
    return change(...changes)
  } catch {
    return undefined
  }
}

t.test('for any changes and any failure, either all is changed or nothing', async (t) => {
  const directory = path.join(fs.realpathSync(t.testdir()), 'repository')
  const isWhole = (given: Scenario) => {
    const outcome = outcomeOf(given)
    const prepared = layOut(directory, given)
    const before = treeOf(prepared.root)
    let made: ReturnType<typeof changeRepository> | undefined
    // Impossible changes fail without a failing call.
    failAt(outcome === undefined ? 0 : given.step, () => {
      made = areMade(prepared)
    })
    made?.rollback()
    if (!isDeepStrictEqual(treeOf(prepared.root), before)) return false
    areMade(prepared)?.commit()
    return outcome === undefined || isDeepStrictEqual(contentsOf(prepared.root), outcome)
  }
  t.doesNotThrow(() => fc.assert(fc.property(scenario, isWhole), { numRuns: 200 }))
})

t.test('the same changes lead to the same files when they are repeated after a crash', async (t) => {
  const directory = path.join(fs.realpathSync(t.testdir()), 'repository')
  const isSame = async (given: Scenario) => {
    const outcome = outcomeOf(given)
    fc.pre(outcome !== undefined)
    const prepared = layOut(directory, given)
    failAt(given.step + 1, () => areMade(prepared), true)
    await recoverStagedDeletions(
      prepared.root,
      async (paths) => new Set(paths.filter((name) => given.tree.includes(name)))
    )
    prepared.change(...prepared.changes).commit()
    const isHiddenGone = fs.readdirSync(prepared.root).every((name) => !name.startsWith('.fixdepot'))
    return isHiddenGone && isDeepStrictEqual(contentsOf(prepared.root), outcome)
  }
  await t.resolves(fc.assert(fc.asyncProperty(scenario, isSame), { numRuns: 200 }))
})
