import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { MAX_CLASSIC_XML_BYTES } from '../../../../src/metadata/classic-xml.ts'
import { createRepositoryDirectory } from '../../../../src/storage/disk/repository-directory.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { classicXml, listPackages, listProblems, makeDepot } from '../../../support/depot.ts'
import { packageFiles, UEFI, XCC } from '../../../support/packages.ts'
import { catalogOf, watchedPool } from '../../../support/worker/package-state.ts'

const GOOD = packageFiles({ fixid: UEFI, payload: 'uefi' })

const codesOf = async (db: Database) => (await listProblems(db)).map(({ path, code }) => [path, code])
const fixidsOf = async (db: Database) => (await listPackages(db)).map(({ fixid }) => fixid)

t.test(
  'links that lead out, nowhere, in circles or to directories are problems, and other links are files',
  async (t) => {
    const depot = await makeDepot(t, { ...GOOD, 'sub/inside.uxz': 'uefi' })
    const at = (name: string) => path.join(depot.repositoryDirectory, name)
    fs.renameSync(at(`${UEFI}.uxz`), at('sub/real.uxz'))
    fs.mkdirSync(path.join(depot.root, 'repository-2'))
    fs.writeFileSync(path.join(depot.root, 'repository-2/secret.uxz'), 'secret')
    const links = {
      [`${UEFI}.uxz`]: 'sub/real.uxz',
      'circle-1': 'circle-2',
      'circle-2': 'circle-1',
      directory: 'sub',
      'sub/parent': '..',
      neighbour: '../repository-2/secret.uxz',
      nowhere: 'absent',
      outside: '/etc/hosts'
    }
    for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, at(name))
    await depot.scan()
    t.match(await listPackages(depot.db), [{ fixid: UEFI, payloadState: 'present' }])
    t.same(await codesOf(depot.db), [
      ['circle-1', 'broken-link'],
      ['circle-2', 'broken-link'],
      ['directory', 'link-to-directory'],
      ['neighbour', 'link-outside'],
      ['nowhere', 'broken-link'],
      ['outside', 'link-outside'],
      ['sub/inside.uxz', 'orphan-file'],
      ['sub/parent', 'link-to-directory'],
      ['sub/real.uxz', 'orphan-file']
    ])
  }
)

t.test('metadata that is dangerous to parse is a problem, and its files are orphans', async (t) => {
  const xml = classicXml({ category: 'UEFI' })
  const depot = await makeDepot(t, {
    ...GOOD,
    'doctype.xml': xml.replace('<INSTANCE', '<!DOCTYPE INSTANCE [<!ENTITY a "b">]><INSTANCE'),
    'doctype.uxz': 'x',
    'large.xml': xml + ' '.repeat(MAX_CLASSIC_XML_BYTES + 1 - xml.length),
    'limit.xml': xml + ' '.repeat(MAX_CLASSIC_XML_BYTES - xml.length),
    'other.xml': '<html/>',
    'broken_index.json': '{',
    'broken_inventory.json': '[]',
    'broken_signature.json': 'null'
  })
  await depot.scan()
  t.same(await codesOf(depot.db), [
    ['broken_index.json', 'broken-metadata'],
    ['broken_inventory.json', 'broken-metadata'],
    ['broken_signature.json', 'broken-metadata'],
    ['doctype.uxz', 'orphan-file'],
    ['doctype.xml', 'unsafe-metadata'],
    ['large.xml', 'metadata-too-large'],
    ['other.xml', 'not-metadata']
  ])
  t.same(await fixidsOf(depot.db), ['limit', UEFI].sort())
  const large = (await listProblems(depot.db)).find(({ path }) => path === 'large.xml')
  t.match(large?.text, `: ${MAX_CLASSIC_XML_BYTES + 1} bytes, at most ${MAX_CLASSIC_XML_BYTES} are read`)
})

/** What can happen to a file after the walk, and the problem that is reported. */
const ACCIDENTS: Record<string, { happen: (file: string) => void; text: string }> = {
  'goes away': { happen: (file) => fs.rmSync(file), text: 'The file or directory cannot be read: ENOENT' },
  'becomes a directory': {
    happen(file) {
      fs.rmSync(file)
      fs.mkdirSync(file)
    },
    text: `The file or directory cannot be read: ${XCC}.uxz is not a regular file`
  },
  'becomes a link that leads out': {
    happen(file) {
      fs.rmSync(file)
      fs.symlinkSync('/etc/hosts', file)
    },
    text: `The file or directory cannot be read: ${XCC}.uxz leads out of the repository`
  },
  'becomes a pipe': {
    happen(file) {
      fs.rmSync(file)
      execFileSync('mkfifo', [file])
    },
    text: `The file or directory cannot be read: ${XCC}.uxz is not a regular file`
  },
  changes: {
    happen: (file) => fs.appendFileSync(file, 'more'),
    text: 'The file or directory cannot be read: it changed while it was read'
  }
}

for (const [title, { happen, text }] of Object.entries(ACCIDENTS)) {
  t.test(`a file that ${title} before it is read is a problem, and the scan continues`, async (t) => {
    const depot = await makeDepot(t, { ...GOOD, ...packageFiles({ fixid: XCC, payload: 'xcc' }) })
    const file = path.join(depot.repositoryDirectory, `${XCC}.uxz`)
    await depot.scan({ pool: watchedPool(() => happen(file)) })
    t.match(await listPackages(depot.db), [
      { fixid: UEFI, payloadState: 'present' },
      { fixid: XCC, payloadState: 'missing' }
    ])
    t.same(await listProblems(depot.db), [{ path: `${XCC}.uxz`, code: 'unreadable', text }])
    fs.rmSync(file, { recursive: true, force: true })
    depot.write({ [`${XCC}.uxz`]: 'whole again' })
    t.match(await depot.scan(), { filesRead: 1 })
    t.same(await listProblems(depot.db), [])
    t.match(await listPackages(depot.db), [{}, { fixid: XCC, payloadState: 'present' }])
  })
}

t.test('a known file that cannot be read any more is no longer part of its package', async (t) => {
  const depot = await makeDepot(t, GOOD)
  await depot.scan()
  const file = path.join(depot.repositoryDirectory, `${UEFI}.uxz`)
  fs.appendFileSync(file, 'changed')
  t.match(await depot.scan({ pool: watchedPool(() => fs.rmSync(file)) }), { isUnchanged: false })
  t.match(await listPackages(depot.db), [{ fixid: UEFI, payloadState: 'missing' }])
})

t.test('a file that can never be read is tried with every scan, and changes nothing', async (t) => {
  const depot = await makeDepot(t, { ...GOOD, 'secret.uxz': 'x' })
  const away = () => fs.renameSync(file, `${file}.kept`)
  const file = path.join(depot.repositoryDirectory, 'secret.uxz')
  for (const isUnchanged of [false, true, true]) {
    const pool = watchedPool(away)
    t.match(await depot.scan({ pool }), { isUnchanged, packageCount: 1 })
    t.ok(pool.paths.includes('secret.uxz'))
    t.same(await codesOf(depot.db), [['secret.uxz', 'unreadable']])
    fs.renameSync(`${file}.kept`, file)
  }
})

t.test('pipes and names that no archive can have are problems', async (t) => {
  const depot = await makeDepot(t, { ...GOOD, 'line\nbreak.uxz': 'x', 'back\\slash.uxz': 'x' })
  execFileSync('mkfifo', [path.join(depot.repositoryDirectory, 'pipe.uxz')])
  await depot.scan()
  t.same(await codesOf(depot.db), [
    ['back\\slash.uxz', 'unsafe-name'],
    ['line\nbreak.uxz', 'unsafe-name'],
    ['pipe.uxz', 'special-file']
  ])
})

t.test('a repository that has vanished fails the scan, and the catalog stays', async (t) => {
  const depot = await makeDepot(t, GOOD)
  await depot.scan()
  const before = await catalogOf(depot.db)
  const away = path.join(depot.root, 'unmounted')
  fs.renameSync(depot.repositoryDirectory, away)
  await t.rejects(depot.scan(), { code: 'ENOENT' })
  fs.writeFileSync(depot.repositoryDirectory, 'a file')
  await t.rejects(depot.scan(), { code: 'ENOTDIR' })
  t.same(await catalogOf(depot.db), before)
  fs.rmSync(depot.repositoryDirectory)
  fs.renameSync(away, depot.repositoryDirectory)
  t.match(await depot.scan(), { isUnchanged: true, filesRead: 0 })
})

t.test('a repository that is configured by a link is read like its real path', async (t) => {
  const depot = await makeDepot(t, { ...GOOD, 'sub/x.uxz': 'x' })
  const directory = path.join(depot.root, 'link')
  fs.symlinkSync('repository', directory)
  fs.symlinkSync(path.join(depot.repositoryDirectory, 'sub/x.uxz'), path.join(depot.repositoryDirectory, 'x.uxz'))
  await depot.scan({ repository: createRepositoryDirectory(directory) })
  t.same(await fixidsOf(depot.db), [UEFI])
  t.same(await codesOf(depot.db), [
    ['sub/x.uxz', 'orphan-file'],
    ['x.uxz', 'orphan-file']
  ])
  t.match(await depot.scan(), { isUnchanged: true, filesRead: 0 })
})
