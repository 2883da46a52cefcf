/**
 * Names of real packages that break a parser of fixids: extra underscores, no version, no build id, no OS, dashes and
 * dots anywhere, capitals, and additional archives whose name begins with that of another package.
 */

import type { SizeClass } from '../size-classes.ts'
import { type Component, type Container, componentsByClass } from './components.ts'

/** A real name with the facts of its metadata. */
export interface TrickyName {
  readonly fixid: string
  readonly sizeClass: SizeClass
  readonly component: Component
  readonly extension: Container
  readonly build: string
  readonly version: string
  readonly os: string
  /** Suffix of an additional archive: `<fixid><side>`, which is tricky because it does not begin with `<fixid>.`. */
  readonly side?: string
}

const base = componentsByClass.L[0] as Component

function tricky(
  sizeClass: SizeClass,
  name: string,
  category: string,
  [fixid, extension, build, version, os]: readonly [string, Container, string, string, string],
  more: { side?: string; kind?: 'dd' } = {}
): TrickyName {
  const { kind = 'fw', ...side } = more
  const title = `${category} ${kind === 'dd' ? 'Device Driver' : 'Firmware Update'}`
  const spread = category === 'XCC' || category === 'UEFI' ? 'platform' : 'device'
  const component: Component = {
    ...base,
    name,
    category,
    title,
    kind,
    spread,
    brands: [fixid.split('_')[0] ?? 'lnvgy']
  }
  return { fixid, sizeClass, component, extension, build, version, os, ...side }
}

export const trickyNames: readonly TrickyName[] = [
  tricky('L', 'xcc', 'XCC', ['lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch', 'uxz', 'CDI340V', '3.08', 'anyos']),
  tricky('M', 'uefi', 'UEFI', ['lnvgy_fw_uefi_xwe160d-1.14_anyos_32-64', 'uxz', 'XWE160D', '1.14', 'anyos'], {
    side: '_tools.zip'
  }),
  tricky('M', 'dsa', 'DSA', ['ibm_fw_dsa_3.01_dsyt60k_linux_32_64', 'bin', 'DSYT60K', '3.01', 'linux']),
  tricky('M', 'imm', 'IMM', ['ibm_fw_imm_yuoo57h_linux_32-64', 'bin', 'YUOO57H', '', 'linux']),
  tricky('S', 'amm', 'AMM', ['ibm_fw_amm_bpet26k_anyos_noarch', 'zip', 'BPET26K', '', 'anyos']),
  tricky('S', 'm2raid', 'RAID', ['lnvgy_fw_m2raid_2.3.10.1101_anyos_noarch', 'uxz', '', '2.3.10.1101', 'anyos']),
  tricky('T', 'storage', 'Storage', ['lnvgy_fw_storage_1.1.1', 'uxz', '', '1.1.1', 'anyos']),
  tricky('S', 'fc', 'FC', [
    'qlgc_fw_fc_f5.02.01-b2.08-e2.18_linux-bc_32-64',
    'bin',
    '',
    'f5.02.01-b2.08-e2.18',
    'linux'
  ]),
  tricky('M', 'nic', 'NIC', [
    'mlnx-lnvgy_fw_nic_cx-5.7-1.0.2.0-8_linux_x86-64',
    'bin',
    '',
    'cx-5.7-1.0.2.0-8',
    'linux'
  ]),
  tricky('M', 'BMC', 'BMC', ['lnvgy_fw_BMC_igc602j-1.27_anyos_noarch', 'ima', 'IGC602J', '1.27', 'anyos']),
  tricky('M', 'uefi', 'UEFI', ['lnvgy_fw_uefi_cfe117k-5.10_anyos_32-64', 'rom', 'CFE117K', '5.10', 'anyos']),
  tricky('T', 'bmc', 'FPC', ['lnvgy_fw_bmc_ambt11n-2.53_anyos_arm', 'hpm', 'AMBT11N', '2.53', 'anyos']),
  tricky('S', 'sraidmr', 'RAID', ['lnvgy_dd_sraidmr_7.700.26.00-1_rhel7_x86-64', 'tgz', '', '7.700.26.00-1', 'rhel7'], {
    side: '_dd.zip',
    kind: 'dd'
  })
]
