/**
 * Values for the examples in the OpenAPI document. They exist in the repository that `npm run sample` and `npm run
 * demo` create, so the examples work unchanged.
 */

/** A package. */
export const SAMPLE_FIXID = 'lnvgy_fw_xcc_cdi340v-3.08_anyos_noarch'

/** A system pack of several members. */
export const SAMPLE_PACK_FIXID = 'lnvgy_utl_uxsp_r8sp01z-4.10_windows_32-64'

/** A machine type that has packages and system packs. */
export const SAMPLE_MACHINE_TYPE = '7X05'

/** The first scan of the repository: a task that every depot has had. */
export const SAMPLE_TASK_ID = '1'
