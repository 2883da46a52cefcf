import t, { type Test } from 'tap'
import { METADATA_SUFFIXES, READER_VERSION } from '../../../../src/metadata/metadata-file.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createScanStore } from '../../../../src/store/scan/scan-store.ts'
import { findPackages } from '../../../../src/worker/scan/find-packages.ts'
import { classicXml, listPackages, listProblems, makeDepot } from '../../../support/depot.ts'
import { type Files, NIC, packageFiles, UEFI, XCC } from '../../../support/packages.ts'

async function scanned(t: Test, files: Files): Promise<Database> {
  const depot = await makeDepot(t, files)
  await depot.scan()
  return depot.db
}

const problemsOf = async (db: Database) => (await listProblems(db)).map(({ path, code }) => `${path} ${code}`)

/** The paths of every package, by fixid. */
async function filesOf(db: Database): Promise<Record<string, string[]>> {
  const packages = await listPackages(db)
  return Object.fromEntries(packages.map(({ fixid, files }) => [fixid, files.map(({ path }) => path)]))
}

/** Real names, and those from the settings of other tools, with the suffix of a payload and of an archive beside it. */
const NAMES: readonly (readonly [fixid: string, payload: string, orphan?: string])[] = [
  ['ibm_fw_dsa_3.01_dsyt60k_linux_32_64', '.bin'],
  ['ibm_fw_imm_yuoo57h_linux_32-64', '.bin'],
  ['ibm_fw_amm_bpet26k_anyos_noarch', '.zip'],
  ['lnvgy_fw_m2raid_2.3.10.1101_anyos_noarch', '.uxz'],
  ['lnvgy_fw_storage_1.1.1', '.uxz'],
  ['qlgc_fw_fc_f5.02.01-b2.08-e2.18_linux-bc_32-64', '.bin'],
  ['mlnx-lnvgy_fw_nic_cx-5.7-1.0.2.0-8_linux_x86-64', '.tar.gz'],
  ['lnvgy_fw_BMC_igc602j-1.27_anyos_noarch', '.ima'],
  ['lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch', '.uxz', ' (1).uxz.crdownload'],
  ['lnvgy_fw_uefi_xwe160d-1.14_anyos_32-64', '.uxz', '_tools.zip'],
  ['lnvgy_fw_uefi_xwe160d-1.14_anyos_32', '.rom'],
  ['lnvgy_dd_sraidmr_7.700.26.00-1_rhel7_x86-64', '.tgz', '_dd.zip'],
  ['xxxx_utl_uxsp_xxxxxx-1.00_xxxx_32-64', '.exe'],
  ['DoNotUpdate_SERVER_01CV832, 01CV842', '.uxz']
]

t.test('names that are hard to parse are fixids like any other', async (t) => {
  const files: Files = {}
  for (const [fixid, payload, orphan] of NAMES) {
    files[`${fixid}.xml`] = classicXml({ category: 'UEFI', payload: fixid + payload })
    for (const suffix of ['.chg', '.txt', payload, orphan ?? '.pd.sdd']) files[fixid + suffix] = `${fixid}${suffix}`
  }
  const db = await scanned(t, files)
  const found = await filesOf(db)
  t.same(Object.keys(found).sort(), NAMES.map(([fixid]) => fixid).sort())
  for (const [fixid, payload, orphan] of NAMES) {
    const suffixes = ['.chg', '.txt', '.xml', payload, ...(orphan === undefined ? ['.pd.sdd'] : [])]
    t.same(found[fixid], suffixes.map((suffix) => fixid + suffix).sort())
  }
  const problems = NAMES.flatMap(([fixid, , orphan]) => {
    if (orphan === undefined) return []
    return `${fixid}${orphan} ${orphan.endsWith('.zip') ? 'orphan-file' : 'partial-download'}`
  })
  t.same(await problemsOf(db), problems.sort())
})

t.test('the fixid is what the metadata says, and files of either name belong to it', async (t) => {
  const db = await scanned(t, {
    'base-1.xml': classicXml({ fixid: 'real-1', payload: 'base-1.uxz' }),
    ...{ 'base-1.uxz': 'x', 'base-1.txt': 'x', 'real-1.chg': 'x', 'real-1x.chg': 'x', 'real-1_tools.zip': 'x' }
  })
  t.same(await filesOf(db), { 'real-1': ['base-1.txt', 'base-1.uxz', 'base-1.xml', 'real-1.chg'] })
  t.same(await problemsOf(db), ['real-1_tools.zip orphan-file', 'real-1x.chg orphan-file'])
})

t.test('files in another directory belong to a package only where its metadata names them', async (t) => {
  const db = await scanned(t, {
    'a/fix-1.xml': classicXml({ payload: 'payloads/fix-1.uxz' }),
    ...{ 'a/payloads/fix-1.uxz': 'x', 'a/payloads/fix-1.txt': 'x', 'fix-1.txt': 'x', 'b/fix-1.chg': 'x' }
  })
  t.same(await filesOf(db), { 'fix-1': ['a/fix-1.xml', 'a/payloads/fix-1.uxz'] })
  t.same(await problemsOf(db), ['a/payloads/fix-1.txt orphan-file', 'b/fix-1.chg orphan-file', 'fix-1.txt orphan-file'])
})

t.test('names are compared without regard to case and to how letters are composed', async (t) => {
  const composed = 'fw_\u00fc-1.00'
  const db = await scanned(t, {
    [`${composed}.XML`]: classicXml({ payload: `${composed.toUpperCase()}.UXZ` }),
    [`${composed.normalize('NFD').toUpperCase()}.uxz`]: 'x'
  })
  t.match(await listPackages(db), [{ fixid: composed, payloadState: 'present', files: { length: 2 } }])
  t.same(await problemsOf(db), [])
})

t.test('two metadata files whose names differ only in case are two packages', async (t) => {
  const db = await scanned(t, { 'fix-1.xml': classicXml({ name: 'a' }), 'FIX-1.xml': classicXml({ name: 'b' }) })
  t.same(await filesOf(db), { 'FIX-1': ['FIX-1.xml'], 'fix-1': ['fix-1.xml'] })
})

t.test('of a fixid in two directories, the first one is the package', async (t) => {
  const files = packageFiles({ fixid: UEFI, payload: 'x' })
  const copies = Object.entries(files).flatMap(([name, content]) => [
    [`b/${name}`, content],
    [`a/${name}`, content]
  ])
  const db = await scanned(t, Object.fromEntries(copies))
  t.same(await filesOf(db), {
    [UEFI]: Object.keys(files)
      .map((name) => `a/${name}`)
      .sort()
  })
  const text = `Another file describes a package with the same fixid: ${UEFI} is taken from a/${UEFI}.xml`
  t.same(await listProblems(db), [{ path: `b/${UEFI}.xml`, code: 'duplicate-fixid', text }])
})

t.test('of a fixid in several directories, the one with a payload is the package', async (t) => {
  for (const winner of ['a', 'b', 'c']) {
    await t.test(winner, async (t) => {
      const files: Files = {}
      for (const directory of ['a', 'b', 'c']) {
        const own = packageFiles({ fixid: UEFI, payload: directory === winner ? 'x' : undefined })
        for (const [name, content] of Object.entries(own)) files[`${directory}/${name}`] = content
      }
      const db = await scanned(t, files)
      const [found, ...others] = await listPackages(db)
      t.same(others, [])
      t.match(found, { fixid: UEFI, payloadState: 'present' })
      t.ok(found?.files.every(({ path }) => path.startsWith(`${winner}/`)))
      const losers = ['a', 'b', 'c'].filter((directory) => directory !== winner)
      t.same(
        await problemsOf(db),
        losers.map((directory) => `${directory}/${UEFI}.xml duplicate-fixid`)
      )
    })
  }
})

t.test('two metadata files of one fixid in one directory are a duplicate', async (t) => {
  const db = await scanned(t, { 'a.xml': classicXml({ fixid: 'fix-1' }), 'b.xml': classicXml({ fixid: 'fix-1' }) })
  t.same(Object.keys(await filesOf(db)), ['fix-1'])
  t.same(await problemsOf(db), ['b.xml duplicate-fixid'])
})

t.test('more packages, duplicates and orphans than fit on a page are all found', async (t) => {
  const files: Files = {}
  const fixids = Array.from({ length: 1_003 }, (_, number) => `fix-${String(number).padStart(4, '0')}`)
  for (const fixid of fixids) {
    files[`a/${fixid}.xml`] = classicXml({ payload: `${fixid}.uxz` })
    files[`orphans/${fixid}.uxz`] = ''
  }
  const twice = [fixids[0], fixids[499], fixids[1_002]]
  for (const fixid of twice) {
    files[`b/${fixid}.xml`] = classicXml({ payload: `${fixid}.uxz` })
    files[`b/${fixid}.uxz`] = 'x'
  }
  const db = await scanned(t, files)
  const packages = await listPackages(db)
  t.same(
    packages.map(({ fixid }) => fixid),
    fixids
  )
  t.same(
    packages.filter(({ payloadState }) => payloadState === 'present').map(({ fixid }) => fixid),
    twice
  )
  const duplicates = twice.map((fixid) => `a/${fixid}.xml duplicate-fixid`)
  t.same(await problemsOf(db), [...duplicates, ...fixids.map((fixid) => `orphans/${fixid}.uxz orphan-file`)])
})

t.test('the problems of a payload are reported with its path', async (t) => {
  const sha256 = 'ab'.repeat(32)
  const db = await scanned(t, {
    'digest-1.xml': classicXml({ payload: 'digest-1.uxz', payloadSha256: sha256 }),
    'digest-1.uxz': 'x',
    'empty-1.xml': classicXml({ payload: 'empty-1.uxz', payloadSize: '5' }),
    'empty-1.uxz': '',
    'outside-1.xml': classicXml({ payload: '../secret.uxz' }),
    'size-1.xml': classicXml({ payload: 'size-1.uxz', payloadSize: '5', payloadSha256: sha256 }),
    'size-1.uxz': 'x'
  })
  const states = (await listPackages(db)).map(({ fixid, payloadState }) => [fixid, payloadState])
  t.same(states, [
    ['digest-1', 'present'],
    ['empty-1', 'missing'],
    ['outside-1', 'missing'],
    ['size-1', 'present']
  ])
  const problems = await listProblems(db)
  t.same(
    problems.map(({ path, code }) => `${path} ${code}`),
    [
      'digest-1.uxz digest-mismatch',
      'empty-1.uxz empty-payload',
      'outside-1.xml unsafe-payload-path',
      'size-1.uxz size-mismatch'
    ]
  )
  t.match(problems[3]?.text, '5 bytes are recorded, 1 are there')
})

t.test('an error between two pages ends the search', async (t) => {
  const depot = await makeDepot(t, { ...packageFiles({ fixid: XCC, payload: 'x' }), ...packageFiles({ fixid: NIC }) })
  await depot.scan()
  const store = createScanStore(depot.connect(), READER_VERSION, METADATA_SUFFIXES)
  await store.begin()
  await t.rejects(
    findPackages(store, async () => {
      throw new Error('enough')
    }),
    { message: 'enough' }
  )
})
