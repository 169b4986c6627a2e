namespace Example.Greeting
{
    /// <summary>Greets people.</summary>
    public static class Greeter
    {
        public static string Greet(string name)
        {
            return "Hello, " + name + "!";
        }
    }
}
