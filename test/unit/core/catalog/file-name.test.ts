import t from 'tap'
import {
  foldName,
  isNamedAfter,
  isPartialDownload,
  roleOfSuffix,
  splitName
} from '../../../../src/core/catalog/file-name.ts'
import type { FileRole } from '../../../../src/core/catalog/package.ts'

/** Fixids of real packages that break whoever takes names apart. */
const FIXIDS = [
  'ibm_fw_dsa_3.01_dsyt60k_linux_32_64',
  'ibm_fw_imm_yuoo57h_linux_32-64',
  'ibm_fw_amm_bpet26k_anyos_noarch',
  'lnvgy_fw_m2raid_2.3.10.1101_anyos_noarch',
  'lnvgy_fw_storage_1.1.1',
  'qlgc_fw_fc_f5.02.01-b2.08-e2.18_linux-bc_32-64',
  'mlnx-lnvgy_fw_nic_cx-5.7-1.0.2.0-8_linux_x86-64',
  'lnvgy_fw_BMC_igc602j-1.27_anyos_noarch',
  'lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch',
  'lnvgy_fw_uefi_xwe160d-1.14_anyos_32-64_tools',
  'lnvgy_dd_sraidmr_7.700.26.00-1_rhel7_x86-64_dd',
  'xxxx_utl_uxsp_xxxxxx-1.00_xxxx_32-64',
  'DoNotUpdate_SERVER_01CV832, 01CV842',
  'brcm-lnvgy_fw_nic_nx1.14e4.1657.17aa.402d-227.0.3.1-0342_anyos_comp',
  'lnvgy_utl_uxsp_c5sp13p-1.00_vmware6.0_32-64',
  'lnvgy_fw_mpt35sas_430-09.02.00.07_linux_x86-64',
  'brcd_fw_bcsw_nos5.0.1_anyos_noarch',
  'lnvgy_bundle_svcpack_ka-j9ltd-01a2-24a.0_platform_comp'
]

const ROLES: Readonly<Record<string, FileRole>> = {
  '.uxz': 'payload',
  '.zip': 'payload',
  '.bin': 'payload',
  '.exe': 'payload',
  '.tgz': 'payload',
  '.tar.gz': 'payload',
  '.tar': 'payload',
  '.lvt': 'payload',
  '.rom': 'payload',
  '.hpm': 'payload',
  '.ima': 'payload',
  '.iso': 'payload',
  '.rpm': 'payload',
  '.xml': 'metadata',
  '.json': 'metadata',
  '_index.json': 'metadata',
  '_inventory.json': 'metadata',
  '_location.json': 'metadata',
  '_signature.json': 'metadata',
  '.txt': 'readme',
  '.html': 'readme',
  '.chg': 'change-history',
  '.pdf': 'other',
  '.sdd': 'other',
  '.pd.sdd': 'other',
  '.dd.xml': 'other',
  '.crdownload': 'other',
  '': 'other'
}

t.test('every known suffix comes off every tricky fixid, and nothing else does', async (t) => {
  for (const stem of FIXIDS) {
    for (const suffix of Object.keys(ROLES)) t.strictSame(splitName(stem + suffix), { stem, suffix }, stem + suffix)
  }
})

t.test('a suffix in capitals is told in lower case, and the stem keeps its case', async (t) => {
  t.strictSame(splitName('Lnvgy_FW_x-1.00.XML'), { stem: 'Lnvgy_FW_x-1.00', suffix: '.xml' })
  t.strictSame(splitName('a_INDEX.Json'), { stem: 'a', suffix: '_index.json' })
  t.strictSame(splitName('a.Tar.GZ'), { stem: 'a', suffix: '.tar.gz' })
})

t.test('only the last extension is a suffix, so a left-over shows what it was', async (t) => {
  const leftOver = splitName('lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch (1).uxz.crdownload')
  t.strictSame(leftOver, { stem: 'lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch (1).uxz', suffix: '.crdownload' })
  t.strictSame(splitName('a.xml.txt'), { stem: 'a.xml', suffix: '.txt' })
  t.strictSame(splitName('index.json'), { stem: 'index', suffix: '.json' })
})

t.test('what does not look like an extension stays in the stem', async (t) => {
  for (const name of ['a', '', 'a.', 'a.1', 'a.7z', 'a.x-y', 'a.abcdefghijk', 'a.xml ', 'a_index', 'ä.é']) {
    t.strictSame(splitName(name), { stem: name, suffix: '' }, JSON.stringify(name))
  }
})

t.test('stem and suffix together are the name, whatever it is', async (t) => {
  for (const name of ['.xml', '..xml', '_index.json', 'a\n.xml', '\u{1f600}.bin', `${'a'.repeat(251)}.uxz`]) {
    const { stem, suffix } = splitName(name)
    t.equal(stem + suffix, name)
    t.not(suffix, '')
  }
})

t.test('a suffix tells the role of its file', async (t) => {
  for (const [suffix, role] of Object.entries(ROLES)) t.equal(roleOfSuffix(suffix), role, suffix)
})

t.test('downloads that were not finished are told from finished ones', async (t) => {
  for (const suffix of ['.crdownload', '.part', '.partial', '.download', '.tmp', '.opdownload']) {
    t.ok(isPartialDownload(suffix), suffix)
  }
  for (const suffix of ['.uxz', '.xml', '', '.parts']) t.notOk(isPartialDownload(suffix), suffix)
})

t.test('names that differ in case or in the way accents are written are compared as equal', async (t) => {
  t.equal(foldName('LNVGY_fw_BMC.IMA'), foldName('lnvgy_FW_bmc.ima'))
  t.equal(foldName('caf\u00e9'), foldName('cafe\u0301'))
  t.equal(foldName('CAF\u00c9'), foldName('cafe\u0301'))
  t.not(foldName('a-1.00'), foldName('a-1.0'))
})

t.test('a name is that of a fixid with a suffix, finished or not, in any case', async (t) => {
  for (const fixid of FIXIDS) {
    for (const suffix of ['.uxz', '.TXT', '_index.json', '.uxz.crdownload', '.tar.gz.part', '.part', '']) {
      t.ok(isNamedAfter(fixid, fixid.toUpperCase() + suffix), fixid + suffix)
    }
    for (const other of ['_tools.zip', '.2.xml', '-1.uxz', '.d/a.uxz', '.uxz.txt']) {
      t.notOk(isNamedAfter(fixid, fixid + other), fixid + other)
    }
    t.notOk(isNamedAfter(fixid, `x${fixid}.uxz`))
  }
})
