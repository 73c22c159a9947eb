"""Follow one cart: its path, table by table, from the raw rows to the mail and the order it brought back."""
