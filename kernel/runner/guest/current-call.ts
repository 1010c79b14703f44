/** The call on whose account guest code runs now: set by whoever enters the guest. */
export interface CurrentCall {
  call: number;
}
