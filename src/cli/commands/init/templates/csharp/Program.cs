using System;

public static class Program
{
    public static void Main(string[] names)
    {
        Console.WriteLine(Greeting.Of(names.Length > 0 ? names[0] : "world"));
    }
}
