import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { generateRepository } from '../../../../sample/generate.ts'
import { createRandom } from '../../../../sample/random.ts'
import { listPackages, listProblems, makeDepot } from '../../../support/depot.ts'
import { NIC, OLD_UEFI, PACK, packageFiles, smallRepository, UEFI, XCC } from '../../../support/packages.ts'
import {
  catalogOf,
  changedFixids,
  changeUnseen,
  freshCatalogOf,
  packageRows,
  roundTimes,
  watchedPool
} from '../../../support/worker/package-state.ts'

/** A depot with a small scanned repository, and the result of a second scan after a change. */
async function openScanned(t: Test) {
  const depot = await makeDepot(t, smallRepository())
  const { db, repositoryDirectory: directory } = depot
  roundTimes(directory)
  await depot.scan()
  const before = await packageRows(db)
  const rescan = async () => {
    const pool = watchedPool()
    const result = await depot.scan({ pool })
    return { result, read: pool.paths, changed: changedFixids(before, await packageRows(db)) }
  }
  const inRepository = (name: string) => path.join(directory, name)
  const packageOf = async (fixid: string) => (await listPackages(db)).find((item) => item.fixid === fixid)
  return { ...depot, rescan, inRepository, packageOf }
}

t.test('a second scan of an unchanged repository reads no file and changes no package', async (t) => {
  const { db, rescan, inRepository } = await openScanned(t)
  const catalog = await catalogOf(db)
  for (const name of Object.keys(smallRepository())) changeUnseen(inRepository(name))
  const { result, read, changed } = await rescan()
  t.same(read, [])
  t.same(result, { packageCount: 5, filesRead: 0, bytesRead: 0, isUnchanged: true })
  t.same(changed, [])
  t.same(await catalogOf(db), catalog)
})

t.test('every scan records its time', async (t) => {
  const { db, scan } = await openScanned(t)
  for (const readAt of [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2)]) {
    const { isUnchanged } = await scan({ now: () => new Date(readAt) })
    t.equal(isUnchanged, true)
    t.match(await db.selectFrom('catalog').select('read_at').executeTakeFirst(), { read_at: readAt })
  }
})

t.test('a changed payload changes its package alone, and only it is read', async (t) => {
  const { rescan, inRepository, packageOf } = await openScanned(t)
  const before = await packageOf(XCC)
  fs.writeFileSync(inRepository(`${XCC}.uxz`), 'AN XCC')
  const { result, read, changed } = await rescan()
  t.same(read, [`${XCC}.uxz`])
  t.same(changed, [XCC])
  t.match(result, { filesRead: 1, bytesRead: 6, isUnchanged: false })
  const after = await packageOf(XCC)
  const digest = (item: typeof after) => item?.files.find(({ role }) => role === 'payload')?.sha256
  t.not(digest(after), digest(before))
  t.equal(after?.size, before?.size)
})

t.test('a grown readme changes the size of its package', async (t) => {
  const { rescan, inRepository, packageOf } = await openScanned(t)
  const before = await packageOf(UEFI)
  fs.appendFileSync(inRepository(`${UEFI}.txt`), 'more')
  const { changed } = await rescan()
  t.same(changed, [UEFI])
  t.equal((await packageOf(UEFI))?.size, (before?.size ?? 0) + 4)
})

t.test('a touched file is read again, because an archive contains its time', async (t) => {
  const { rescan, inRepository, packageOf } = await openScanned(t)
  fs.utimesSync(inRepository(`${UEFI}.chg`), 5, 5)
  const { read, changed } = await rescan()
  t.same([read, changed], [[`${UEFI}.chg`], [UEFI]])
  t.equal((await packageOf(UEFI))?.files.find(({ path }) => path === `${UEFI}.chg`)?.modifiedAt, 5)
})

t.test('changed metadata changes the name of the package, and its digest', async (t) => {
  const { rescan, inRepository, packageOf } = await openScanned(t)
  const xml = inRepository(`${UEFI}.xml`)
  fs.writeFileSync(xml, fs.readFileSync(xml, 'utf8').replace('Name of', 'New name of'))
  t.same((await rescan()).changed, [UEFI])
  t.equal((await packageOf(UEFI))?.name, `New name of ${UEFI}`)
})

t.test('a package without its payload is not downloaded, until the payload is back', async (t) => {
  const { db, rescan, inRepository, packageOf } = await openScanned(t)
  fs.renameSync(inRepository(`${XCC}.uxz`), inRepository('.kept'))
  const { read, changed } = await rescan()
  t.same([read, changed], [[], [XCC]])
  t.equal((await packageOf(XCC))?.payloadState, 'missing')
  fs.renameSync(inRepository('.kept'), inRepository(`${XCC}.uxz`))
  t.same((await rescan()).read, [`${XCC}.uxz`])
  t.equal((await packageOf(XCC))?.payloadState, 'present')
  t.same(
    (await listProblems(db)).map(({ code }) => code),
    ['missing-member']
  )
})

t.test('a payload that arrives completes its package', async (t) => {
  const { rescan, write, packageOf } = await openScanned(t)
  t.equal((await packageOf(NIC))?.payloadState, 'missing')
  write({ [`${NIC}.uxz`]: 'nic' })
  t.same((await rescan()).changed, [NIC])
  t.equal((await packageOf(NIC))?.payloadState, 'present')
})

t.test('a package without its metadata is gone, and its other files are orphans', async (t) => {
  const { db, rescan, inRepository } = await openScanned(t)
  fs.rmSync(inRepository(`${OLD_UEFI}.xml`))
  const { result, read, changed } = await rescan()
  t.same([read, changed, result.packageCount], [[], [OLD_UEFI], 4])
  const orphans = (await listProblems(db)).filter(({ code }) => code === 'orphan-file').map(({ path }) => path)
  t.same(
    orphans,
    ['chg', 'txt', 'uxz'].map((extension) => `${OLD_UEFI}.${extension}`)
  )
  const files = await db.selectFrom('file').select('path').where('path', 'like', `${OLD_UEFI}%`).execute()
  t.same(files, [], 'nobody can select them any more')
})

t.test('an added package leaves the others alone, also when a pack names it', async (t) => {
  const { db, rescan, write } = await openScanned(t)
  const [missing] = await listProblems(db)
  const fixid = missing?.text.split(': ').at(-1) ?? ''
  t.match(missing, { code: 'missing-member', path: `${PACK}.xml` })
  write(packageFiles({ fixid, payload: 'here it is' }))
  const { read, changed } = await rescan()
  t.same(changed, [fixid])
  t.same(
    read,
    ['chg', 'txt', 'uxz', 'xml'].map((extension) => `${fixid}.${extension}`)
  )
  t.same(await listProblems(db), [])
})

t.test('a package that is moved keeps its row of facts, with new paths', async (t) => {
  const { rescan, inRepository, packageOf } = await openScanned(t)
  const before = await packageOf(XCC)
  fs.mkdirSync(inRepository('moved'))
  for (const { path: name } of before?.files ?? []) fs.renameSync(inRepository(name), inRepository(`moved/${name}`))
  t.same((await rescan()).changed, [XCC])
  const files = before?.files.map((file) => ({ ...file, path: `moved/${file.path}` }))
  t.same(await packageOf(XCC), { ...before, files })
})

t.test('added and removed links change the problems, and no package', async (t) => {
  const { db, rescan, inRepository } = await openScanned(t)
  const before = await listProblems(db)
  fs.symlinkSync('/etc/hosts', inRepository('outside'))
  fs.symlinkSync('nowhere', inRepository('broken'))
  for (const _ of [1, 2]) {
    t.match(await rescan(), { changed: [], result: { isUnchanged: true } })
    t.same(
      (await listProblems(db)).map(({ path, code }) => [path, code]),
      [
        ['broken', 'broken-link'],
        [`${PACK}.xml`, 'missing-member'],
        ['outside', 'link-outside']
      ]
    )
  }
  fs.rmSync(inRepository('outside'))
  fs.rmSync(inRepository('broken'))
  t.match(await rescan(), { changed: [], result: { isUnchanged: true } })
  t.same(await listProblems(db), before)
})

t.test('an emptied repository empties the catalog', async (t) => {
  const { db, rescan, repositoryDirectory } = await openScanned(t)
  for (const name of fs.readdirSync(repositoryDirectory)) fs.rmSync(path.join(repositoryDirectory, name))
  t.match(await rescan(), { result: { packageCount: 0, isUnchanged: false } })
  t.match(await catalogOf(db), { packages: { length: 0 }, files: { length: 0 }, problems: { length: 0 } })
})

t.test('after any changes of files, a scan has the same catalog as a first scan', async (t) => {
  const depot = await makeDepot(t)
  const { repositoryDirectory: directory } = depot
  await generateRepository({ directory, targetBytes: 2_000_000 })
  await depot.scan()
  const random = createRandom('changes')
  for (let round = 0; round < 3; round += 1) {
    for (let change = 0; change < 25; change += 1) {
      const files = fs.globSync('**/*', { cwd: directory, withFileTypes: true }).filter((entry) => entry.isFile())
      const [one, other] = [random.pick(files), random.pick(files)].map(({ parentPath, name }) =>
        path.join(parentPath, name)
      )
      if (one === undefined || other === undefined) continue
      random.pick([
        () => fs.rmSync(one),
        () => fs.appendFileSync(one, 'x'),
        () => fs.truncateSync(one, 0),
        () => fs.renameSync(one, path.join(directory, path.basename(one))),
        () => fs.renameSync(one, other),
        () => fs.copyFileSync(one, path.join(directory, `mirror/${path.basename(one)}`))
      ])()
    }
    await depot.scan()
    t.same(await catalogOf(depot.db), await freshCatalogOf(t, depot), `round ${round + 1}`)
  }
})
