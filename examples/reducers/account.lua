-- The state of an account: what its events amount to.
return function(state, event)
  state = state or { balance = 0, deposits = 0 }
  if event.type == "Deposited" then
    state.balance = state.balance + event.data.amount
    state.deposits = state.deposits + 1
  end
  return state
end
